"""The archive of every decision-relevant event; a hypertable where the server has TimescaleDB.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("time", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("message_id", sa.Uuid(), primary_key=True),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("causation_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", JSONB(), nullable=False),
        sa.Column("trace", sa.Text(), nullable=False),
    )
    if _timescale_is_there():
        op.execute("select create_hypertable('events', 'time', chunk_time_interval => interval '7 days')")
        op.execute(
            "alter table events set (timescaledb.compress, timescaledb.compress_segmentby = 'stream', "
            "timescaledb.compress_orderby = 'time desc, message_id')"
        )
        op.execute("select add_compression_policy('events', interval '14 days')")


def downgrade() -> None:
    op.drop_table("events")


def _timescale_is_there() -> bool:
    """Whether the first schema has created the extension."""
    return (
        op.get_bind().execute(sa.text("select 1 from pg_extension where extname = 'timescaledb'")).first() is not None
    )
