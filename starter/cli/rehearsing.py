"""Rehearsals: a whole procedure in simulated time, printed as its timeline."""

from __future__ import annotations

from cyclopts import App


def register(app: App) -> None:
    del app
