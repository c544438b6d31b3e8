"""The conductor's side of the venue: state, lock-step phases, books, faults. JSON under ``/sim/``."""

from collections.abc import Callable, Mapping
from typing import Any

from services.exchange_simulator.account_views import order_view
from services.exchange_simulator.clock import RunningClock
from services.exchange_simulator.errors import BadConfiguration, KrakenError, WrongPhase
from services.exchange_simulator.exchange import Exchange
from services.exchange_simulator.faults import KINDS, Fault, Faults
from services.exchange_simulator.hub import Hub
from services.exchange_simulator.live import Live
from services.exchange_simulator.market import Market
from services.exchange_simulator.orders import Fill
from services.exchange_simulator.pairs import amount, quantity
from services.exchange_simulator.playback import Outcome, Playback
from services.exchange_simulator.wire import SECOND, rfc3339

Body = Mapping[str, Any]
FAULT_COUNT_LIMIT = 1_000_000


class Admin:
    """``pace`` is what moves the clock: ``Playback`` in lock-step, ``Live`` otherwise."""

    def __init__(
        self,
        market: Market,
        exchange: Exchange,
        hub: Hub,
        faults: Faults,
        pace: Playback | Live,
        clock: Callable[[], int],
    ) -> None:
        self._market = market
        self._exchange = exchange
        self._hub = hub
        self._faults = faults
        self._pace = pace
        self._clock = clock
        self.calls: Mapping[tuple[str, str], Callable[[Body], dict[str, Any]]] = {
            ("GET", "state"): lambda _: self.state(),
            ("GET", "books"): lambda _: self.books(),
            ("GET", "timings"): lambda _: self.timings(),
            ("GET", "faults"): lambda _: {"faults": faults.active()},
            ("POST", "faults"): self.order_fault,
            ("DELETE", "faults"): self.clear_faults,
            ("POST", "open"): lambda _: self._step(self._playback().open),
            ("POST", "match"): lambda _: self._step(self._playback().match),
            ("POST", "walk"): lambda _: self._step(self._playback().walk),
            ("POST", "advance"): lambda _: self._step(self._playback().advance),
            ("POST", "market"): self.force_price,
            ("POST", "pause"): lambda _: self._pause(True),
            ("POST", "resume"): lambda _: self._pause(False),
        }

    def state(self) -> dict[str, Any]:
        total = self._market.steps_total
        pace = self._pace
        if isinstance(pace, Playback):
            mode, phase = "max", str(pace.phase)
        else:
            mode, phase = "live", "done" if pace.done else "live"
        return {
            "mode": mode,
            "clock": rfc3339(self._clock()),
            "phase": phase,
            "done": phase == "done",
            "step": pace.step - self._market.first_step + 1,
            "steps_total": None if total is None else total - self._market.first_step,
            "event": self._exchange.event,
            "queued": len(self._exchange.queued),
            "symbols": list(self._market.pairs),
            "base_timeframe": timeframe(self._market.base),
            "subscribers": self._hub.counts(),
            "candles_played": pace.candles_played,
        }

    def books(self) -> dict[str, Any]:
        exchange, pairs = self._exchange, self._exchange.pairs
        ledger = exchange.ledger
        quote = next(iter(pairs.values())).quote
        assets = {a.code: a for pair in pairs.values() for a in (pair.base, pair.quote)}
        orders = exchange.orders.values()
        return {
            "cash": {quote.code: quote.text(ledger.balances.get(quote.code, amount(0)))},
            "positions": {
                symbol: f"{held:f}"
                for symbol, pair in pairs.items()
                if (held := ledger.balances.get(pair.base.code, amount(0)))
            },
            "reserved": {code: a.text(ledger.held(code)) for code, a in assets.items() if ledger.held(code)},
            "open_orders": len(exchange.open),
            "orders": [
                {"txid": o.txid, "symbol": o.symbol} | order_view(o, pairs[o.symbol], with_trades=True) for o in orders
            ],
            "fills": [self._fill(fill) for fill in exchange.fills],
            "fees_total": quote.text(ledger.fees_total),
        }

    def timings(self) -> dict[str, Any]:
        """When opens were printed and orders accepted, both by this process's monotonic clock in ns."""
        exchange = self._exchange
        orders = ((exchange.orders[txid], at) for txid, at in exchange.received.items())
        return {
            "printed": self._playback().printed,
            "received": [{"side": o.side, "kind": o.kind, "cl_ord_id": o.cl_ord_id, "at": at} for o, at in orders],
        }

    def order_fault(self, body: Body) -> dict[str, Any]:
        kind, count, wait = body.get("kind"), body.get("count", 1), body.get("ms", 0)
        if kind not in KINDS:
            raise BadConfiguration(f"kind must be one of {', '.join(KINDS)}")
        if not isinstance(count, int) or not 0 < count <= FAULT_COUNT_LIMIT:
            raise BadConfiguration(f"count must be a whole number from 1 to {FAULT_COUNT_LIMIT}")
        if not isinstance(wait, int) or not 0 <= wait <= 60_000:
            raise BadConfiguration("ms must be a whole number from 0 to 60000")
        if kind == "drop_socket":
            return {"dropped": self._hub.drop_all()}
        self._faults.order(Fault(kind, count, body.get("method"), body.get("symbol"), wait))
        return {"faults": self._faults.active()}

    def clear_faults(self, _: Body) -> dict[str, Any]:
        self._faults.clear()
        return {"faults": []}

    def force_price(self, body: Body) -> dict[str, Any]:
        live = self._live()
        symbol = str(body.get("symbol"))
        if symbol not in self._exchange.pairs:
            raise BadConfiguration(f"symbol must be one of {', '.join(self._exchange.pairs)}")
        try:
            ticks = self._exchange.pairs[symbol].parse_price(str(body.get("price")))
        except KrakenError as error:
            raise BadConfiguration(f"price: {error}") from None
        live.force(symbol, ticks)
        return self.state()

    def _pause(self, stop: bool) -> dict[str, Any]:
        self._live()
        clock = self._clock
        if isinstance(clock, RunningClock):
            clock.pause() if stop else clock.resume()
        return self.state() | {"paused": stop}

    def _step(self, call: Callable[[], Outcome]) -> dict[str, Any]:
        outcome = call()
        return self.state() | {
            "executions": [self._fill(fill) for fill in outcome.fills],
            "printed": outcome.printed,
            "closed": outcome.closed,
        }

    def _fill(self, fill: Fill) -> dict[str, Any]:
        pair = self._exchange.pairs[fill.symbol]
        return {
            "event": fill.event,
            "exec_id": fill.exec_id,
            "order_id": fill.txid,
            "cl_ord_id": fill.cl_ord_id,
            "symbol": fill.symbol,
            "side": fill.side,
            "qty": quantity(fill.lots),
            "price": pair.price(fill.ticks),
            "cost": pair.quote.text(fill.cost),
            "fee": pair.quote.text(fill.fee),
            "liquidity": "taker" if fill.liquidity == "t" else "maker",
            "time": rfc3339(fill.time),
        }

    def _playback(self) -> Playback:
        if not isinstance(self._pace, Playback):
            raise WrongPhase("steps need --speed max; this market runs by itself")
        return self._pace

    def _live(self) -> Live:
        if not isinstance(self._pace, Live):
            raise WrongPhase("this call needs --speed N; in lock-step the market stands still by itself")
        return self._pace


def timeframe(base: int) -> str:
    minutes = base // (60 * SECOND)
    for size, unit in ((10080, "w"), (1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
