"""What customers allow is mirrored: whoever had their contact before is told of it anew. What a
system was told last is kept, to know it by when it comes back. Orders are found by the number that
customers know."""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mirror", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", sa.JSON(), nullable=True))
    op.create_index("ix_orders_number", "orders", ["number"])
    op.execute(
        "update mirror set told_at = null, number = number + 1"
        " where system = 'salesforce' and kind = 'contact' and told_at is not null"
    )
