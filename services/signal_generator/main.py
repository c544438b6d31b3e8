"""Wires the signal generator."""

from services.signal_generator.adapters import DatabaseSight, Windows
from services.signal_generator.handlers import Handlers
from shared import service
from shared.service import Context, Service
from shared.timeframes import duration
from shared.topology import partition_of


async def build(context: Context) -> Service:
    """Handlers on the database; nothing runs besides them."""
    settings = context.settings
    context.require_database()

    def epoch(symbol: str) -> int | None:
        return context.partitions_held().get(partition_of(symbol, settings.partitions))

    sight = DatabaseSight(Windows(duration(settings.timeframe), epoch))
    return Service(handlers=Handlers(settings.timeframe, settings.decision_ttl, sight, settings.symbols))


def main() -> None:
    """Entry point of the process."""
    service.main("signal_generator", build)


if __name__ == "__main__":
    main()
