"""Wires the alerts."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from services.alerts.adapters.records import DatabaseDeliveries, DatabaseRecords
from services.alerts.adapters.targets import AppriseTarget, targets_of
from services.alerts.core.quiet import quiet_hours
from services.alerts.core.words import Desk
from services.alerts.handlers import Handlers
from services.alerts.postman import Postman
from shared import service
from shared.config import Settings
from shared.service import Context, Service

KINDS = {"paper": "paper money", "demo": "a simulated market", "live": "real money"}


def targets(settings: Settings) -> Sequence[AppriseTarget]:
    """Who is told; nobody where a past market is played back."""
    urls = "" if settings.lockstep else settings.alert_urls.get_secret_value()
    return targets_of(urls, settings.alert_least_severity)


def desk(settings: Settings) -> Desk:
    """How messages name the desk."""
    return Desk(settings.desk, KINDS[settings.trading_mode], ZoneInfo(settings.alert_time_zone))


async def build(context: Context) -> Service:
    """Handlers that keep alerts, and beside them the postman who sends them."""
    database, settings = context.require_database(), context.settings
    telling = targets(settings)
    postman = Postman(
        telling,
        DatabaseDeliveries(database),
        desk(settings),
        quiet_hours(settings.alert_quiet_hours, settings.alert_time_zone),
        context.clock,
        context.is_leader,
    )
    handlers = Handlers(telling, settings.alert_repeat_after, DatabaseRecords(), context.clock)
    return Service(handlers, loops=[postman.run], health=postman.health, on_commit=postman.poke)


def main() -> None:
    """Entry point of the process."""
    service.main("alerts", build)


if __name__ == "__main__":
    main()
