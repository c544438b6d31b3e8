"""Which broker a desk trades through."""

from dataclasses import replace

from shared.broker.base import Broker
from shared.broker.ccxt_broker import CcxtBroker
from shared.broker.kraken_client import VenueAccess
from shared.broker.paper_broker import PaperBroker, PaperTerms
from shared.config import Settings
from shared.errors import ConfigError

LIVE_IS_REFUSED = (
    "TRADING_MODE=live is refused: the execution safety work has not landed, so no order may reach a real account. "
    "Use paper (our own broker on real prices) or demo (the exchange simulator)."
)


def make_broker(settings: Settings) -> Broker:
    """The broker of `TRADING_MODE`. ConfigError, with the reason, for what may not be traded yet."""
    access = venue_access(settings)
    match settings.trading_mode:
        case "paper":
            return PaperBroker(_paper_terms(settings), CcxtBroker(access))
        case "demo":
            return CcxtBroker(_checked(access, settings))
    raise ConfigError(LIVE_IS_REFUSED)


def venue_access(settings: Settings) -> VenueAccess:
    """The slice of the settings that opens the venue. A real one only ever validates orders."""
    access = VenueAccess(
        url=settings.venue_url,
        key=settings.kraken_api_key,
        secret=settings.kraken_private_key,
        validate_only=False,
        speed=settings.playback_speed,
    )
    return replace(access, validate_only=access.is_real)


def _checked(access: VenueAccess, settings: Settings) -> VenueAccess:
    if access.is_real and not settings.order_validate_only:
        raise ConfigError(
            f"TRADING_MODE=demo trades on the exchange simulator, but VENUE_URL is {access.url or 'the real venue'}: "
            "set VENUE_URL to the simulator's address on this machine, or ORDER_VALIDATE_ONLY=true to have the real "
            "venue check orders without booking them"
        )
    if not access.key.get_secret_value() or not access.secret.get_secret_value():
        raise ConfigError(
            "TRADING_MODE=demo needs KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY: set both to the simulator's key and secret"
        )
    return access


def _paper_terms(settings: Settings) -> PaperTerms:
    return PaperTerms(
        file=settings.data_dir / "paper.sqlite3",
        currency=settings.currency,
        initial_balance=settings.initial_balance,
        taker_fee=settings.taker_fee,
        maker_fee=settings.maker_fee,
        speed=settings.playback_speed,
    )
