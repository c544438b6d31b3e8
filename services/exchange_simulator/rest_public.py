"""The public REST calls. Each takes the query's parameters and returns the ``result`` or raises KrakenError."""

from collections.abc import Callable, Mapping
from typing import Any

from services.exchange_simulator.account_views import epoch
from services.exchange_simulator.book import book_around
from services.exchange_simulator.candles import INTERVALS, Candle, recent
from services.exchange_simulator.errors import invalid_argument
from services.exchange_simulator.exchange import Fees
from services.exchange_simulator.market import Market
from services.exchange_simulator.order_entry import PairTable, Parameters
from services.exchange_simulator.pairs import LOT_DECIMALS, Asset, Pair, quantity
from services.exchange_simulator.tape import Print, Quote, Tape
from services.exchange_simulator.wire import SECOND, Num, rfc3339

MOST_LEVELS = 500
MOST_TRADES = 1000
Result = Any


class PublicApi:
    def __init__(self, market: Market, pairs: PairTable, tape: Tape, fees: Fees, clock: Callable[[], int]) -> None:
        self._market = market
        self._pairs = pairs
        self._tape = tape
        self._fees = fees
        self._clock = clock
        self.methods: Mapping[str, Callable[[Parameters], Result]] = {
            "Time": self.time,
            "SystemStatus": self.system_status,
            "Assets": self.assets,
            "AssetPairs": self.asset_pairs,
            "Ticker": self.ticker,
            "OHLC": self.ohlc,
            "Depth": self.depth,
            "Trades": self.trades,
        }

    def time(self, _: Parameters) -> Result:
        return {"unixtime": self._clock() // SECOND, "rfc1123": rfc3339(self._clock())}

    def system_status(self, _: Parameters) -> Result:
        return {"status": "online", "timestamp": rfc3339(self._clock())}

    def assets(self, _: Parameters) -> Result:
        found = {a.kraken: a for pair in self._market.pairs.values() for a in (pair.base, pair.quote)}
        return {name: _asset(asset) for name, asset in sorted(found.items())}

    def asset_pairs(self, parameters: Parameters) -> Result:
        return {pair.id: self._pair(pair) for pair in self._chosen(parameters)}

    def ticker(self, parameters: Parameters) -> Result:
        return {pair.id: _ticker(self._tape[pair.symbol]) for pair in self._chosen(parameters)}

    def ohlc(self, parameters: Parameters) -> Result:
        """Up to 720 candles, the last of them still forming; ``since`` leaves out those up to its second."""
        pair = self._pairs[parameters.get("pair", "")]
        minutes = _integer(parameters, "interval", 1)
        if minutes not in INTERVALS or minutes * 60 * SECOND % self._market.base:
            raise invalid_argument("interval")
        since = _integer(parameters, "since", 0) * SECOND
        quote = self._tape[pair.symbol]
        found = recent(self._market.series(pair.symbol), quote.bar, self._clock(), minutes)
        rows = [_candle(pair, candle) for candle in found if candle.begin > since or not since]
        last = found[-2].begin if len(found) > 1 else self._clock()
        return {pair.id: rows, "last": last // SECOND}

    def depth(self, parameters: Parameters) -> Result:
        pair = self._pairs[parameters.get("pair", "")]
        quote = self._tape[pair.symbol]
        count = min(max(_integer(parameters, "count", 100), 1), MOST_LEVELS)
        book = book_around(quote.bid, quote.ask, count)
        now = self._clock() // SECOND

        def rows(levels: tuple[tuple[int, int], ...]) -> list[list[Any]]:
            return [[pair.price(price), quantity(lots), now] for price, lots in levels]

        return {pair.id: {"asks": rows(book.asks), "bids": rows(book.bids)}}

    def trades(self, parameters: Parameters) -> Result:
        """Trades after ``since`` (seconds, or the nanoseconds of ``last``)."""
        pair = self._pairs[parameters.get("pair", "")]
        since = _integer(parameters, "since", 0)
        after = since // 1000 if since > 10**15 else since * SECOND
        count = min(max(_integer(parameters, "count", MOST_TRADES), 1), MOST_TRADES)
        found = [p for p in self._tape[pair.symbol].prints if p.time > after]
        chosen = found[:count] if since else found[-count:]
        last = chosen[-1].time if chosen else self._clock()
        return {pair.id: [_trade(pair, p) for p in chosen], "last": str(last * 1000)}

    def _chosen(self, parameters: Parameters) -> list[Pair]:
        names = [name for name in parameters.get("pair", "").split(",") if name]
        return [self._pairs[name] for name in names] or list(self._market.pairs.values())

    def _pair(self, pair: Pair) -> dict[str, Any]:
        return {
            "altname": pair.altname,
            "wsname": pair.wsname,
            "aclass_base": "currency",
            "base": pair.base.kraken,
            "aclass_quote": "currency",
            "quote": pair.quote.kraken,
            "lot": "unit",
            "cost_decimals": pair.quote.decimals,
            "pair_decimals": pair.decimals,
            "lot_decimals": LOT_DECIMALS,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, Num(f"{self._fees.taker * 100:f}")]],
            "fees_maker": [[0, Num(f"{self._fees.maker * 100:f}")]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": f"{pair.base.order_minimum:f}",
            "costmin": f"{pair.cost_minimum:f}",
            "tick_size": pair.price(1),
            "status": "online",
        }


def _asset(asset: Asset) -> dict[str, Any]:
    return {
        "aclass": "currency",
        "altname": asset.alt,
        "decimals": asset.decimals,
        "display_decimals": min(asset.decimals, 5),
        "status": "enabled",
    }


def _ticker(quote: Quote) -> dict[str, Any]:
    high, low, volume, vwap, first = quote.day.high_low_volume_vwap_first()
    price = quote.pair.price
    count = len(quote.prints)
    return {
        "a": [price(quote.ask), "1", "1.000"],
        "b": [price(quote.bid), "1", "1.000"],
        "c": [price(quote.last), quantity(quote.prints[-1].lots if quote.prints else 0)],
        "v": [quantity(volume)] * 2,
        "p": [price(vwap)] * 2,
        "t": [count] * 2,
        "l": [price(low)] * 2,
        "h": [price(high)] * 2,
        "o": price(first),
    }


def _candle(pair: Pair, candle: Candle) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap)
    return [candle.begin // SECOND, *map(pair.price, prices), quantity(candle.volume), candle.trades]


def _trade(pair: Pair, traded: Print) -> list[Any]:
    side = "b" if traded.side == "buy" else "s"
    return [pair.price(traded.ticks), quantity(traded.lots), epoch(traded.time), side, "m", "", traded.number]


def _integer(parameters: Parameters, name: str, default: int) -> int:
    text = parameters.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise invalid_argument(name) from None
