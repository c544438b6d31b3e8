"""Wires the council."""

from collections.abc import Sequence

from services.council.adapters import DatabaseRecords
from services.council.core import Rules
from services.council.handlers import Handlers
from services.council.members.base import Member
from services.council.members.mean_reversion import MeanReversion
from services.council.members.portfolio import Portfolio
from services.council.members.sentiment import Sentiment
from services.council.members.technical_trend import TechnicalTrend
from services.council.members.volatility import Volatility
from shared import service
from shared.config import Settings
from shared.service import Context, Service
from shared.timeframes import duration, minutes


def members(settings: Settings) -> Sequence[Member]:
    """Who votes; nobody where COUNCIL=none lets the score decide."""
    if settings.council == "none":
        return []
    return [
        TechnicalTrend(),
        MeanReversion(),
        Volatility(minutes(settings.timeframe)),
        Sentiment(),
        Portfolio(settings.max_positions, settings.max_daily_loss, settings.council_drawdown_veto),
    ]


def rules(settings: Settings) -> Rules:
    """The slice of the settings by which votes become a verdict."""
    return Rules(
        quorum=settings.council_quorum,
        buy_above=settings.council_buy_above,
        sell_below=settings.council_sell_below,
        entry_score=settings.entry_score,
    )


async def build(context: Context) -> Service:
    """Handlers on the database; nothing runs besides them."""
    context.require_database()
    settings = context.settings
    records = DatabaseRecords(settings.desk, duration(settings.timeframe))
    return Service(Handlers(members(settings), rules(settings), records))


def main() -> None:
    """Entry point of the process."""
    service.main("council", build)


if __name__ == "__main__":
    main()
