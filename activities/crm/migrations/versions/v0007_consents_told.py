"""What customers allow is mirrored: whoever had their contact before is told of it anew."""

from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "update mirror set told_at = null, number = number + 1"
        " where system = 'salesforce' and kind = 'contact' and told_at is not null"
    )
