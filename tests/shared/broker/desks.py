"""The brokers under contract, each with the few things a test must be able to do to its market."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from shared.broker.base import Broker, Instrument
from shared.broker.ccxt_broker import CcxtBroker
from shared.broker.paper_broker import PaperBroker, PaperTerms
from shared.ids import derived_id
from shared.schemas.market import BookUpdated, Level, TickerUpdated
from tests.shared.broker.venue import Venue

SYMBOL = "BTC/USD"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Desk(Protocol):
    """A broker and its market. The account starts with 10,000 USD, the last price is 40,000."""

    @property
    def broker(self) -> Broker: ...

    async def price(self, last: str) -> None:
        """Print a price; the touch lies one basis point around it."""

    async def offer_half(self, quantity: Decimal) -> None:
        """The next market order of `quantity` finds only half of it at once, the rest with the next price."""

    async def restart(self) -> None:
        """The broker's side dies without warning and comes back."""

    async def end(self) -> None:
        """Give everything back."""


class Grids:
    """Knows BTC/USD as the simulator does."""

    async def instruments(self, symbols: tuple[str, ...]) -> dict[str, Instrument]:
        return {
            symbol: Instrument(symbol, Decimal("0.1"), Decimal("1e-8"), Decimal("0.00005"), Decimal("0.5"))
            for symbol in symbols
        }

    async def close(self) -> None: ...


class PaperDesk:
    """The paper broker, fed by hand."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ticks = 0
        self._start()

    async def price(self, last: str) -> None:
        self._ticks += 1
        at = START + timedelta(seconds=self._ticks)
        bid, ask = (Decimal(last) * factor for factor in (Decimal("0.9999"), Decimal("1.0001")))
        self.broker.on_ticker(
            TickerUpdated(
                message_id=derived_id("TickerUpdated", SYMBOL, at),
                occurred_at=at,
                symbol=SYMBOL,
                bid=bid.quantize(Decimal("0.1")),
                ask=ask.quantize(Decimal("0.1")),
                last=Decimal(last),
            )
        )

    async def offer_half(self, quantity: Decimal) -> None:
        self.broker.on_book(
            BookUpdated(
                message_id=derived_id("BookUpdated", SYMBOL, self._ticks),
                occurred_at=START + timedelta(seconds=self._ticks - 2),
                symbol=SYMBOL,
                bids=(Level(price=Decimal("39996"), quantity=quantity / 2),),
                asks=(Level(price=Decimal("40004"), quantity=quantity / 2),),
            )
        )

    async def restart(self) -> None:
        # The old one is left as a killed process leaves it: open, and never asked again.
        self._start()
        await self.price("40000")

    async def end(self) -> None:
        await self.broker.close()

    def _start(self) -> None:
        terms = PaperTerms(
            self._folder / "paper.sqlite3", "USD", Decimal(10_000), Decimal("0.0026"), Decimal("0.0016"), speed=0
        )
        self.broker = PaperBroker(terms, Grids())


class VenueDesk:
    """ccxt on the simulator, its clock stopped so that only the test moves prices."""

    def __init__(self, folder: Path) -> None:
        bars = [f"{1_767_225_600 + 60 * minute},40000,40000,40000,40000,1" for minute in range(3)]
        data = folder / "bars.csv"
        data.write_text("\n".join(["time,open,high,low,close,volume", *bars]))
        self.venue = Venue(folder / "venue.db", "--data", f"{SYMBOL}={data}", "--speed", "1", "--fast-keys")
        self.venue.post("pause")
        self.broker = CcxtBroker(self.venue.access())

    async def price(self, last: str) -> None:
        self.venue.post("market", symbol=SYMBOL, price=last)

    async def offer_half(self, quantity: Decimal) -> None:
        self.venue.post("faults", kind="partial_fill", symbol=SYMBOL)

    async def restart(self) -> None:
        self.venue.kill()
        self.venue.start()
        self.venue.post("pause")
        await self.price("40000")

    async def end(self) -> None:
        await self.broker.close()
        self.venue.kill()
