"""Wires the learning engine."""

from services.learning_engine.adapters import DatabasePast
from services.learning_engine.core import Guardrails
from services.learning_engine.handlers import Handlers
from shared import service
from shared.config import Settings
from shared.service import Context, Service


def guardrails(settings: Settings) -> Guardrails:
    """The slice of the settings that bounds learning."""
    return Guardrails(
        min_trades=settings.learning_min_trades,
        max_step=settings.learning_max_step,
        floor=settings.learning_floor,
        cap=settings.learning_cap,
        cooldown=settings.learning_cooldown_trades,
    )


async def build(context: Context) -> Service:
    """Handlers on the database; nothing runs besides them."""
    context.require_database()
    settings = context.settings
    moves = settings.learning == "on"
    return Service(handlers=Handlers(guardrails(settings), settings.base_timeframe, DatabasePast(), moves=moves))


def main() -> None:
    """Entry point of the process."""
    service.main("learning_engine", build)


if __name__ == "__main__":
    main()
