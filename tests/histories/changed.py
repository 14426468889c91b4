"""Replays kept histories with our source changed, in a process of its own; says how each went.

`python -m tests.histories.changed` reads `{"edits": [{"module", "old", "new"}…], "histories": […]}`
from its input. What is loaded is the real module, read from its file, with the words replaced;
where they do not stand exactly once, nothing is replayed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any, ClassVar


class EditError(ValueError):
    """The words to be replaced do not stand there exactly once."""


class Edited(SourceFileLoader):
    """A module as it would be after the edits; the file stays as it is."""

    edits: ClassVar[dict[str, list[tuple[str, str]]]] = {}
    made: ClassVar[set[str]] = set()

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_source(fullname) or ""
        for old, new in self.edits[fullname]:
            if source.count(old) != 1:
                raise EditError(f"{fullname}: {source.count(old)} times: {old}")
            source = source.replace(old, new)
            self.made.add(fullname)
        return compile(source, self.path, "exec")  # not the one in the cache


class Editor(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path) if fullname in Edited.edits else None
        if spec and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Edited(fullname, spec.loader.path)
        return spec


async def main(said: dict[str, Any]) -> dict[str, Any]:
    for edit in said["edits"]:
        assert edit["module"] not in sys.modules, f"{edit['module']} is loaded already"
        Edited.edits.setdefault(edit["module"], []).append((edit["old"], edit["new"]))
    sys.meta_path.insert(0, Editor())
    from tests.histories.replaying import HERE, replay  # noqa: PLC0415 - the changed code

    came = {}
    for name in said["histories"]:
        try:
            await replay(HERE / name)
        except Exception as fault:  # noqa: BLE001 - which, is for the test to judge
            came[name] = type(fault).__name__
        else:
            came[name] = "replayed"
    return {"made": sorted(Edited.made), "came": came}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
    sys.stdout.flush()
    os._exit(0)  # a thread of the core may else look for a lock that Python has taken down
