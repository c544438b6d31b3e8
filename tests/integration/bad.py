"""Everything that can be wrong with a stream entry: what a message type makes possible, made from a good message."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from shared.redis_streams.codec import MAX_BODY
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, BookUpdated, CandleClosed, CandleRevised, TickerUpdated
from shared.schemas.orders import ExecutionReported, ExitRequested, OrderReported
from shared.schemas.signals import SignalGenerated
from shared.schemas.trades import StopMoved, TradeClosed, TradeOpened
from shared.topology import Stream
from tests.builders import GOOD

Fields = dict[str | bytes, str | bytes]
Json = dict[str, Any]

ORDINAL = 600
"""The minute that bad messages speak of, so that none is mistaken for a good one."""


class Bad(NamedTuple):
    """An entry, and words of the error it must be buried with. `anyhow`: even where no handler wants its kind."""

    what: str
    fields: Fields
    said: str
    anyhow: bool = False


PRICES: Mapping[type[Message], tuple[str, ...]] = {
    CandleClosed: ("close",),
    CandleRevised: ("close",),
    BarsClosed: ("marks", "bid"),
    TickerUpdated: ("bid",),
    BookUpdated: ("bids", "price"),
    SignalGenerated: ("price",),
    CouncilDecided: ("price",),
    ExitRequested: ("price",),
    OrderReported: ("filled_total",),
    ExecutionReported: ("price",),
    TradeOpened: ("entry_price",),
    TradeClosed: ("fees",),
    StopMoved: ("new_price",),
}
"""Where each message with money has an amount that can't be negative; the second name is of the list's first part."""


def entries(stream: Stream, kind: type[Message]) -> Iterator[Bad]:
    """Every bad entry for one message type of a stream."""
    yield from _without_sense(stream, kind)
    yield from (Bad(what, _entry(kind, body), said) for what, body, said in _bodies(kind))
    yield from (Bad(what, _entry(kind, _text(body)), said) for what, body, said in _amounts(kind))
    yield from (Bad(what, _entry(kind, _text(body)), said) for what, body, said in _contradictions(kind))


def _without_sense(stream: Stream, kind: type[Message]) -> Iterator[Bad]:
    body = _text(_good(kind))
    stranger = next(other for other in GOOD if other not in stream.messages)
    yield Bad("no kind, no body", {"colour": "green"}, "without kind or body", anyhow=True)
    yield Bad("no body", {"k": kind.__name__}, "without kind or body", anyhow=True)
    yield Bad("unknown kind", {"k": "PriceInvented", "b": body}, "carries no 'PriceInvented'", anyhow=True)
    name = stranger.__name__
    yield Bad("kind of another stream", {"k": name, "b": _text(_good(stranger))}, f"carries no '{name}'", anyhow=True)


def _bodies(kind: type[Message]) -> Iterator[tuple[str, str | bytes, str]]:
    good = _good(kind)
    yield "empty", "", "malformed"
    yield "cut off", _text(good)[:-7], "malformed"
    yield "not JSON", "buy! buy! buy!", "malformed"
    yield "not UTF-8", b'{"kind": "\xff\xfe"}', "malformed"
    yield "a list", "[]", "malformed"
    yield "oversized", _text({**good, "kind": "x" * MAX_BODY}), f"more than {MAX_BODY}"
    yield "wrong version", _text({**good, "schema_version": 999}), "version 999"
    yield "another kind inside", _text({**good, "kind": "SomethingElse"}), "kind"
    yield "field missing", _text({name: value for name, value in good.items() if name != "occurred_at"}), "occurred_at"
    yield "field too many", _text({**good, "data": {}}), "data"
    yield "naive time", _text({**good, "occurred_at": "2026-01-05T19:00:00"}), "without a zone"
    yield "no time", _text({**good, "occurred_at": "tomorrow"}), "occurred_at"
    yield "no id", _text({**good, "message_id": "42"}), "message_id"


def _amounts(kind: type[Message]) -> Iterator[tuple[str, Json, str]]:
    if kind not in PRICES:
        return
    yield "float money", _with_amount(kind, 99.5), "float"
    yield "NaN", _with_amount(kind, "NaN"), "finite"
    yield "infinity", _with_amount(kind, "Infinity"), "finite"
    yield "negative amount", _with_amount(kind, "-1"), "greater than"
    yield "bare NaN", _with_amount(kind, float("nan")), "malformed"


def _contradictions(kind: type[Message]) -> Iterator[tuple[str, Json, str]]:
    good = _good(kind)
    if kind is TickerUpdated:
        yield "crossed ticker", {**good, "bid": "101", "ask": "100"}, "crossed"
    if kind is BookUpdated:
        yield "crossed book", {**good, "asks": [{"price": "99", "quantity": "1"}]}, "crossed"
        yield "locked book", {**good, "asks": [{"price": "99.9", "quantity": "1"}]}, "crossed"
    if kind in (CandleClosed, CandleRevised):
        yield "high below close", {**good, "high": "99", "low": "98"}, "impossible bar"
        yield "closes before it opens", {**good, "open_time": "2027-01-01T00:00:00Z"}, "after it opens"
        yield "unknown timeframe", {**good, "timeframe": "7m"}, "timeframe"
        yield "no pair", {**good, "symbol": "bitcoin"}, "symbol"
    if kind in (SignalGenerated, CouncilDecided, TradeClosed):
        yield "score beyond one", {**good, "score": 1.5}, "score"
    if kind is CouncilDecided:
        yield "unknown verdict", {**good, "verdict": "PANIC"}, "verdict"


def _good(kind: type[Message]) -> Json:
    body: Json = json.loads(GOOD[kind](ORDINAL).model_dump_json())
    return body


def _with_amount(kind: type[Message], amount: object) -> Json:
    good, (name, *inner) = _good(kind), PRICES[kind]
    if inner:
        first, *others = good[name]
        return {**good, name: [{**first, inner[0]: amount}, *others]}
    return {**good, name: amount}


_text: Callable[[Json], str] = json.dumps


def _entry(kind: type[Message], body: str | bytes) -> Fields:
    return {"k": kind.__name__, "b": body}
