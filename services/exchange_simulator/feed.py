"""Public market data as WebSocket v2 words it: ticker, ohlc, trade, book."""

from collections.abc import Callable

from services.exchange_simulator import candles
from services.exchange_simulator.book import Book, book_around, changes, checksum, wire_levels
from services.exchange_simulator.candles import Candle, Rollup
from services.exchange_simulator.hub import Hub, Key
from services.exchange_simulator.market import Market
from services.exchange_simulator.pairs import Pair, fixed, quantity
from services.exchange_simulator.tape import Print, Quote, Tape
from services.exchange_simulator.wire import SECOND, rfc3339

SNAPSHOT_CANDLES = 100
SNAPSHOT_TRADES = 50
TOUCH_LOTS = 100_000_000


class Feed:
    def __init__(self, market: Market, tape: Tape, hub: Hub, clock: Callable[[], int]) -> None:
        self._market = market
        self._tape = tape
        self._hub = hub
        self._clock = clock
        self._rollups: dict[tuple[str, int], Rollup] = {}
        self._books: dict[Key, Book] = {}

    def ohlc(self, symbol: str) -> None:
        """The forming candle of every interval somebody watches."""
        bar = self._tape[symbol].bar
        if bar is None:
            return
        for key in self._hub.keys("ohlc", symbol):
            minutes = int(key[2])
            rollup = self._rollups.get((symbol, minutes))
            if rollup is None:
                rollup = self._rollups[symbol, minutes] = Rollup(self._market.series(symbol), minutes)
            candle = candle_text(self._tape[symbol].pair, rollup.current(bar), minutes)
            self._hub.publish(key, lambda text=candle: message("ohlc", "update", text))  # type: ignore[misc]

    def ticker(self, symbol: str) -> None:
        self._hub.publish(("ticker", symbol), lambda: message("ticker", "update", self.ticker_text(symbol)))

    def trade(self, symbol: str) -> None:
        quote = self._tape[symbol]
        self._hub.publish(
            ("trade", symbol), lambda: message("trade", "update", trade_text(quote.pair, quote.prints[-1]))
        )

    def book(self, symbol: str) -> None:
        """What changed in the books of every depth somebody watches."""
        quote = self._tape[symbol]
        for key in self._hub.keys("book", symbol):
            after = book_around(quote.bid, quote.ask, int(key[2]))
            before = self._books.get(key, after)
            self._books[key] = after
            if after != before:
                text = book_text(quote.pair, changes(before, after), after, self._clock())
                self._hub.publish(key, lambda text=text: message("book", "update", text))  # type: ignore[misc]

    def snapshot(self, key: Key) -> str | None:
        """The message that answers a new subscription; None where there is nothing to show."""
        channel, symbol = str(key[0]), str(key[1])
        quote = self._tape[symbol]
        if channel == "ticker":
            return message("ticker", "snapshot", self.ticker_text(symbol))
        if channel == "trade":
            texts = [trade_text(quote.pair, p) for p in list(quote.prints)[-SNAPSHOT_TRADES:]]
            return message("trade", "snapshot", ",".join(texts)) if texts else None
        if channel == "ohlc":
            return self._ohlc_snapshot(quote, int(key[2]))
        return self._book_snapshot(quote, key)

    def ticker_text(self, symbol: str) -> str:
        quote = self._tape[symbol]
        high, low, volume, vwap, first = quote.day.high_low_volume_vwap_first()
        decimals = quote.pair.decimals
        change = quote.last - first
        sign = "-" if change < 0 else ""
        return (
            f'{{"symbol":"{symbol}","bid":{fixed(quote.bid, decimals)},"bid_qty":{quantity(TOUCH_LOTS)},'
            f'"ask":{fixed(quote.ask, decimals)},"ask_qty":{quantity(TOUCH_LOTS)},'
            f'"last":{fixed(quote.last, decimals)},"volume":{quantity(volume)},"vwap":{fixed(vwap, decimals)},'
            f'"low":{fixed(low, decimals)},"high":{fixed(high, decimals)},'
            f'"change":{sign}{fixed(abs(change), decimals)},"change_pct":{100 * change / first:.2f},'
            f'"timestamp":"{rfc3339(self._clock())}"}}'
        )

    def _ohlc_snapshot(self, quote: Quote, minutes: int) -> str | None:
        series = self._market.series(quote.pair.symbol)
        found = candles.recent(series, quote.bar, self._clock(), minutes, SNAPSHOT_CANDLES)
        # Newest first: ccxt reads a message's candles from the end.
        texts = [candle_text(quote.pair, candle, minutes) for candle in reversed(found)]
        return message("ohlc", "snapshot", ",".join(texts)) if texts else None

    def _book_snapshot(self, quote: Quote, key: Key) -> str:
        book = self._books.get(key) if key in self._hub.keys("book", quote.pair.symbol) else None
        if book is None:
            book = self._books[key] = book_around(quote.bid, quote.ask, int(key[2]))
        return message("book", "snapshot", book_text(quote.pair, book, book, self._clock()))


def message(channel: str, kind: str, data: str) -> str:
    return f'{{"channel":"{channel}","type":"{kind}","data":[{data}]}}'


def candle_text(pair: Pair, candle: Candle, minutes: int) -> str:
    decimals = pair.decimals
    return (
        f'{{"symbol":"{pair.symbol}","open":{fixed(candle.open, decimals)},"high":{fixed(candle.high, decimals)},'
        f'"low":{fixed(candle.low, decimals)},"close":{fixed(candle.close, decimals)},"trades":{candle.trades},'
        f'"volume":{quantity(candle.volume)},"vwap":{fixed(candle.vwap, decimals)},'
        f'"interval_begin":"{rfc3339(candle.begin)}","interval":{minutes},'
        f'"timestamp":"{rfc3339(candle.begin + minutes * 60 * SECOND)}"}}'
    )


def trade_text(pair: Pair, traded: Print) -> str:
    return (
        f'{{"symbol":"{pair.symbol}","side":"{traded.side}","price":{pair.price(traded.ticks)},'
        f'"qty":{quantity(traded.lots)},"ord_type":"market","trade_id":{traded.number},'
        f'"timestamp":"{rfc3339(traded.time)}"}}'
    )


def book_text(pair: Pair, levels: Book, whole: Book, time: int) -> str:
    """``levels`` go out; the checksum is that of the ``whole`` book they lead to."""
    return (
        f'{{"symbol":"{pair.symbol}","bids":[{wire_levels(pair, levels.bids)}],'
        f'"asks":[{wire_levels(pair, levels.asks)}],"checksum":{checksum(pair, whole)},'
        f'"timestamp":"{rfc3339(time)}"}}'
    )
