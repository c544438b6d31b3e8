"""Wires the archiver."""

from services.archiver.adapters import Archivist
from shared import service
from shared.redis_streams.lane import ConsumerOptions
from shared.service import Context, Service


async def build(context: Context) -> Service:
    """No handlers, message by message: a consumer of its own that keeps whole batches."""
    settings = context.settings
    options = ConsumerOptions(
        batch_size=settings.batch_size, max_attempts=settings.max_attempts, lease_ttl=settings.lease_ttl
    )
    database = context.require_database()
    context.consumer = Archivist(context.bus, context.name, context.instance, database, options)
    return Service()


def main() -> None:
    """Entry point of the process."""
    service.main("archiver", build)


if __name__ == "__main__":
    main()
