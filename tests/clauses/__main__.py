"""`python -m tests.clauses` writes docs/clauses.md, and says what is missing."""

from __future__ import annotations

import sys

from tests.clauses.table import FILE, missing, table, unplayed

if __name__ == "__main__":
    FILE.write_text(table(), encoding="utf-8")
    lacking = [f"carried by nothing: {one}" for one in missing()]
    lacking += [f"played by nothing: {one}" for one in unplayed()]
    sys.exit("\n".join(lacking) or None)
