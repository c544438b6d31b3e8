"""Settings, trades, accounts, handlers, run."""

from services.position_manager.adapters import Accounts, OpenTrades
from services.position_manager.handlers import Handlers
from shared.service import Context, Service, main
from shared.topology import partition_of


async def build(context: Context) -> Service:
    """Wire the service; what it remembers of a symbol lasts as long as the lease of the symbol's partition."""

    def epoch_of(symbol: str) -> int | None:
        return context.partitions_held().get(partition_of(symbol, context.bus.partitions))

    accounts = Accounts(context.require_database())
    return Service(Handlers(OpenTrades(epoch_of), accounts, context.settings))


if __name__ == "__main__":
    main("position_manager", build)
