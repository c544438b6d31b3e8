"""Puts the venue together: one place where everything is made and meets."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from services.exchange_simulator.admin import Admin
from services.exchange_simulator.auth import Gatekeeper
from services.exchange_simulator.clock import FrozenClock, RunningClock
from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.exchange import Exchange, Fees
from services.exchange_simulator.faults import Faults
from services.exchange_simulator.feed import Feed
from services.exchange_simulator.hub import Hub
from services.exchange_simulator.ledger import Ledger
from services.exchange_simulator.live import Live
from services.exchange_simulator.market import Market
from services.exchange_simulator.market_seeded import SeededMarket
from services.exchange_simulator.order_entry import Entry, PairTable
from services.exchange_simulator.playback import Playback
from services.exchange_simulator.rate_limit import RateLimits
from services.exchange_simulator.recorded import recorded_market
from services.exchange_simulator.rest_private import PrivateApi
from services.exchange_simulator.rest_public import PublicApi
from services.exchange_simulator.settings import Settings
from services.exchange_simulator.store import Store
from services.exchange_simulator.tape import Tape
from services.exchange_simulator.websocket import Venue
from services.exchange_simulator.wire import SECOND


@dataclass(frozen=True, slots=True)
class Simulator:
    """``live`` is None in lock-step."""

    store: Store
    hub: Hub
    faults: Faults
    gatekeeper: Gatekeeper
    limits: RateLimits
    public: PublicApi
    private: PrivateApi
    admin: Admin
    venue: Venue
    live: Live | None


def assemble(settings: Settings) -> Simulator:
    """Reads the market, opens the state file, and goes on where it ended. Raises BadConfiguration."""
    market: Market = (
        SeededMarket(settings.symbols, settings.seed)
        if settings.market == "seeded"
        else recorded_market(settings.data, settings.history)
    )
    store = Store(settings.state)
    try:
        _refuse_foreign_state(store, market, settings)
    except BadConfiguration:
        store.close()
        raise
    place = store.fact("place")
    start = int(place["clock"]) if place else market.instant(market.first_step) or 0
    frozen = FrozenClock(start)
    running = None if settings.speed is None else RunningClock(start, settings.speed, time.monotonic)
    clock: FrozenClock | RunningClock = running or frozen

    fees = Fees(settings.taker_fee, settings.maker_fee)
    tape = Tape(market.pairs, settings.half_spread_bps)
    faults = Faults()
    hub = Hub(faults)
    ledger = Ledger(market.pairs, _opening_balances(store, market, settings), fees.taker)
    exchange = Exchange(market.pairs, ledger, store, tape, fees, faults, clock, frozen=running is None)
    exchange.audience = hub
    feed = Feed(market, tape, hub, clock)
    gatekeeper = Gatekeeper(settings.credentials, store, time.time)
    limits = RateLimits(_decay_clock(clock, stands=running is None), enabled=not settings.fast_keys)
    pairs = PairTable(market.pairs)
    private = PrivateApi(exchange, Entry(exchange, pairs, limits, clock), gatekeeper, clock)
    live = (
        None
        if running is None or settings.speed is None
        else Live(market, tape, exchange, feed, hub, running, settings.speed, place)
    )
    pace = live or Playback(market, tape, exchange, feed, hub, frozen, place)
    return Simulator(
        store=store,
        hub=hub,
        faults=faults,
        gatekeeper=gatekeeper,
        limits=limits,
        public=PublicApi(market, pairs, tape, fees, clock),
        private=private,
        admin=Admin(market, exchange, hub, faults, pace, clock),
        venue=Venue(hub, feed, exchange, pairs, gatekeeper, private.methods, private.canceled, clock, market.base),
        live=live,
    )


def _refuse_foreign_state(store: Store, market: Market, settings: Settings) -> None:
    mode = "max" if settings.speed is None else "live"
    known = store.fact("market")
    if known is None:
        store.save_books({}, (), (), {"market": market.fingerprint, "mode": mode})
    elif known != market.fingerprint:
        raise BadConfiguration(f"{settings.state} belongs to another market; delete it or name another --state file")
    elif store.fact("mode") != mode:
        raise BadConfiguration(
            f"{settings.state} was begun {'in lock-step' if mode == 'live' else 'with --speed N'}; "
            "go on in that mode or name another --state file"
        )


def _opening_balances(store: Store, market: Market, settings: Settings) -> Mapping[str, Decimal]:
    balances = store.balances()
    if not balances:
        quote = next(iter(market.pairs.values())).quote
        balances = {quote.code: settings.balance.quantize(quote.unit)}
        store.save_books(balances, (), (), {})
    return balances


def _decay_clock(clock: Callable[[], int], stands: bool) -> Callable[[], float]:
    """The rate counters' seconds. In lock-step the wall's count too, or a limit could never be waited out."""
    if not stands:
        return lambda: clock() / SECOND
    return lambda: clock() / SECOND + time.monotonic()
