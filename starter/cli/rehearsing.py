"""Rehearsals: a whole procedure in simulated time, printed as its timeline."""

from __future__ import annotations

from cyclopts import App, Group


def register(app: App, group: Group) -> None:
    del app, group
