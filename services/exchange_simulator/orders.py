"""Orders and fills as the venue's books hold them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Literal, Self

Side = Literal["buy", "sell"]
Kind = Literal["market", "limit", "stop-loss"]
Status = Literal["open", "closed", "canceled", "expired"]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def venue_id(letter: str, number: int | str) -> str:
    """An id that looks like Kraken's (``OABCDE-FGHIJ-KLMNOP``) and is the same in every run."""
    digest = blake2b(f"{letter}{number}".encode(), digest_size=16).digest()
    text = letter + "".join(ALPHABET[byte % 32] for byte in digest)
    return f"{text[:6]}-{text[6:11]}-{text[11:17]}"


def _record(source: Any) -> dict[str, Any]:
    return {key: str(value) if isinstance(value, Decimal) else value for key, value in asdict(source).items()}


def _restored(cls: Any, record: Mapping[str, Any]) -> Any:
    money = {f.name for f in fields(cls) if f.type is Decimal}
    return cls(**{key: Decimal(value) if key in money else value for key, value in record.items()})


@dataclass(slots=True)
class Order:
    """Prices in ticks, quantities in lots, times in microseconds, money in the quote.

    ``queued`` marks a market order that waits for the next match; ``reason`` says why an order ended; ``value`` is the
    exact sum of ticks x lots over its fills.
    """

    number: int
    txid: str
    symbol: str
    side: Side
    kind: Kind
    lots: int
    limit: int
    trigger: int
    opened: int
    cl_ord_id: str | None = None
    userref: int | None = None
    time_in_force: str = "GTC"
    post_only: bool = False
    status: Status = "open"
    reason: str | None = None
    closed: int | None = None
    amended: int | None = None
    amends: int = 0
    queued: bool = False
    filled: int = 0
    value: int = 0
    cost: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    trades: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.lots - self.filled

    @property
    def is_open(self) -> bool:
        return self.status == "open"

    @property
    def touched(self) -> int:
        """When the order was placed or last amended, for the rate counter's penalty."""
        return self.amended if self.amended is not None else self.opened

    def record(self) -> dict[str, Any]:
        return _record(self)

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> Self:
        restored: Self = _restored(cls, record)
        return restored


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. ``event`` counts the venue's fills from 1 without gaps."""

    event: int
    exec_id: str
    txid: str
    cl_ord_id: str | None
    userref: int | None
    symbol: str
    side: Side
    kind: Kind
    lots: int
    ticks: int
    cost: Decimal
    fee: Decimal
    liquidity: Literal["t", "m"]
    time: int

    def record(self) -> dict[str, Any]:
        return _record(self)

    @classmethod
    def restored(cls, record: Mapping[str, Any]) -> Self:
        restored: Self = _restored(cls, record)
        return restored


def matching_rank(order: Order) -> tuple[bool, str, str, str]:
    """Orders of one instant match sells first, then by symbol and client order id, never by arrival."""
    return order.side == "buy", order.symbol, order.cl_ord_id or "", order.txid
