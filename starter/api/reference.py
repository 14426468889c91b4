"""The API's reference, made from its OpenAPI document: one page, nothing from any other host."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from starter.api.problems import CODES

HERE = Path(__file__).parent / "pages"

router = APIRouter(include_in_schema=False)


@router.get("/docs")
async def reference(request: Request) -> HTMLResponse:
    return HTMLResponse(_page(request.app))


@router.get("/docs/reference.css")
async def style() -> Response:
    return Response(_css(), media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@cache
def _css() -> str:
    return (HERE / "reference.css").read_text(encoding="utf-8")


@cache
def _page(app: FastAPI) -> str:
    document = app.openapi()
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["marked"] = _marked
    return environment.get_template("reference.html").render(
        url=app.state.services.desk.settings.public_url.rstrip("/"),
        info=document["info"],
        groups=_groups(document),
        codes=sorted(CODES.items()),
        schemas=_schemas(document),
    )


def _marked(text: str) -> Markup:
    """What stands in backticks is code."""
    parts = enumerate(str(text).split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(p) if n % 2 else p for n, p in parts)


def _groups(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by their tag, in the order they were written."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            found = {
                "id": operation["operationId"],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "description": operation.get("description", ""),
                "scope": next(iter(operation.get("security", [{}])[0].values()), [""])[0],
                "parameters": operation.get("parameters", []),
                "examples": _examples(operation),
                "answers": _answers(operation),
            }
            groups.setdefault(operation["tags"][0], []).append(found)
    return groups


def _examples(operation: dict[str, Any]) -> list[tuple[str, str]]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return [
        (example["summary"], json.dumps(example["value"], indent=2, ensure_ascii=False))
        for example in content.get("examples", {}).values()
    ]


def _answers(operation: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Status, description, and the name of the object that is answered."""
    return [
        (
            status,
            answer["description"],
            _name(answer.get("content", {}).get("application/json", {})),
        )
        for status, answer in operation["responses"].items()
    ]


def _schemas(document: dict[str, Any]) -> list[dict[str, Any]]:
    schemas = document["components"]["schemas"]
    return [
        {
            "name": name,
            "description": schema.get("description", ""),
            "fields": [
                (field, _type(said), said.get("description", ""))
                for field, said in schema["properties"].items()
            ],
        }
        for name, schema in sorted(schemas.items())
        if schema.get("properties")
    ]


def _name(content: dict[str, Any]) -> str:
    reference = content.get("schema", {}).get("$ref", "")
    name = str(reference).rpartition("/")[2]
    return f"page of {name[5:-1]}" if name.startswith("Page_") else name


def _type(said: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in said:
        return str(said["$ref"]).rpartition("/")[2]
    if "anyOf" in said:
        return " or ".join(_type(one) for one in said["anyOf"])
    if "enum" in said:
        return ", ".join(str(one) for one in said["enum"])
    if said.get("type") == "array":
        return f"list of {_type(said.get('items', {}))}"
    return str(said.get("format") or said.get("const") or said.get("type", "any"))
