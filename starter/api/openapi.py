"""The OpenAPI document: what FastAPI finds, with the key and the one shape of all errors added."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from starter.api.problems import CODES, MEDIA_TYPE
from starter.intake.events import TYPES, Event

DESCRIPTION = """\
Tell it what happened (`POST /v1/events`), and each customer is followed up as the company's \
procedures say. Ask it where a customer stands, what was sent, and why.

Send your key as a bearer token. Every POST takes an `Idempotency-Key`: the first answer is given \
again for 24 hours. Times are UTC. Lists are newest first: `limit`, `starting_after`, `has_more`."""

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error, by RFC 9457.",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Where the code is explained"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable", "examples": sorted(CODES)[:3]},
        "detail": {"type": "string", "description": "For people"},
        "param": {"type": "string", "description": "What is at fault"},
        "request_id": {"type": "string", "description": "Name it when you ask us"},
    },
}
ERRORS = {
    "default": {
        "description": "A problem",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
PATCHES = {"customer": "CustomerPatch", "order": "OrderPatch", "contract": "ContractPatch"}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key again: the first answer again",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


EVENTS = {
    "oneOf": [
        {"$ref": "#/components/schemas/Event"},
        {
            "type": "object",
            "required": ["events"],
            "additionalProperties": False,
            "properties": {
                "events": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 100,
                    "items": {"$ref": "#/components/schemas/Event"},
                }
            },
        },
    ]
}


def install(app: FastAPI) -> None:
    """Have the app answer `/openapi.json` with this document, made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    summary=app.summary,
                    description=app.description,
                    routes=app.routes,
                )
            )
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {"Problem": PROBLEM} | _event()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "bearerFormat": "ac_…"}
    }
    said = document["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    said["application/json"]["schema"] = EVENTS
    for name, shape in PATCHES.items():
        schemas["Start"]["properties"][name] = {"$ref": f"#/components/schemas/{shape}"}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            if path.startswith("/v1/"):
                operation["responses"] |= ERRORS
            if method == "post":
                operation.setdefault("parameters", []).append(KEY)
    return document


def _event() -> dict[str, Any]:
    """The desk's own schema of an event, with those of its parts."""
    schema = Event.model_json_schema(ref_template="#/components/schemas/{model}")
    parts: dict[str, Any] = schema.pop("$defs")
    schema["properties"]["type"]["enum"] = sorted(TYPES)
    return {"Event": schema} | parts
