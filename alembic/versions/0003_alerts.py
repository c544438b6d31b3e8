"""Alerts, and what became of them at each target.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("repeat_of", sa.Uuid(), sa.ForeignKey("alerts.id", ondelete="CASCADE"), nullable=True),
        sa.Column("repeats", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("severity in ('info', 'warning', 'critical')", name="severity"),
    )
    op.create_index("ix_alerts_received_at", "alerts", ["received_at"])
    op.create_index("ix_alerts_repeat_of", "alerts", ["repeat_of"])
    op.create_index(
        "ix_alerts_newest_of_a_code",
        "alerts",
        ["code", "severity", "received_at"],
        postgresql_where=sa.text("repeat_of is null"),
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("alert_id", sa.Uuid(), sa.ForeignKey("alerts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("target", sa.Text(), primary_key=True),
        sa.Column("state", sa.Text(), nullable=False, server_default="waiting"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uncertain", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("told", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state in ('waiting', 'sending', 'sent', 'not_delivered')", name="state"),
    )
    op.create_index(
        "ix_alert_deliveries_due",
        "alert_deliveries",
        ["target", "due_at"],
        postgresql_where=sa.text("state in ('waiting', 'sending')"),
    )


def downgrade() -> None:
    op.drop_table("alert_deliveries")
    op.drop_table("alerts")
