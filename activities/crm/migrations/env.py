"""Alembic's door: it works on the connection, and in the transaction, that `migrate` hands it."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from activities.crm.tables import Base, Instant


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration stands by itself: it names the database's types, not ours."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by writing it anew
    render_item=render,
    transactional_ddl=True,  # on SQLite too: the store begins its transactions itself
)
with context.begin_transaction():
    context.run_migrations()
