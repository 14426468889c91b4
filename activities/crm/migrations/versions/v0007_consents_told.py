"""What customers allow is mirrored: whoever had their contact before is told of it anew. What a
system was told last is kept, to know it by when it comes back."""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("mirror", schema=None) as batch_op:
        batch_op.add_column(sa.Column("said", sa.JSON(), nullable=True))
    op.execute(
        "update mirror set told_at = null, number = number + 1"
        " where system = 'salesforce' and kind = 'contact' and told_at is not null"
    )
