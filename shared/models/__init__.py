"""Rows, by domain. Alembic owns the schema."""

from shared.models.alerts import Alert, AlertDelivery
from shared.models.archive import Event
from shared.models.base import Base
from shared.models.decisions import (
    CouncilSession,
    CouncilVote,
    LearningAdjustment,
    LearningOutcome,
    Signal,
    Strategy,
    Weight,
)
from shared.models.market import Asset, Candle
from shared.models.news import Article, SentimentLog
from shared.models.system import Audit, Handled, Outbox, SystemConfig
from shared.models.trading import (
    Account,
    DecisionInstant,
    EquityPoint,
    Fill,
    Order,
    PendingVerdict,
    Refusal,
    Stop,
    Trade,
)

__all__ = [
    "Account",
    "Alert",
    "AlertDelivery",
    "Article",
    "Asset",
    "Audit",
    "Base",
    "Candle",
    "CouncilSession",
    "CouncilVote",
    "DecisionInstant",
    "EquityPoint",
    "Event",
    "Fill",
    "Handled",
    "LearningAdjustment",
    "LearningOutcome",
    "Order",
    "Outbox",
    "PendingVerdict",
    "Refusal",
    "SentimentLog",
    "Signal",
    "Stop",
    "Strategy",
    "SystemConfig",
    "Trade",
    "Weight",
]
