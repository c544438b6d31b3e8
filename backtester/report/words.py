"""Numbers as reports and terminals write them; what is None is said to be not defined."""

from datetime import timedelta
from decimal import Decimal

from backtester.metrics.performance import Metric
from backtester.metrics.series import DAY
from shared.ids import canonical
from shared.timeframes import from_microseconds

NOT_DEFINED = "not defined"
WITH_CENTS = frozenset({"USD", "USDT", "USDC", "EUR", "GBP", "CHF", "CAD", "AUD"})


def share(value: float | None) -> str:
    """0.05 as 5.00%."""
    return NOT_DEFINED if value is None else f"{_rounded(value):,.2%}"


def change(value: float | None) -> str:
    """A share with its sign."""
    return NOT_DEFINED if value is None else f"{_rounded(value):+,.2%}"


def money(value: float | Decimal | None, quote: str) -> str:
    """An amount without its currency's name: cents where it has them, else eight decimals."""
    return NOT_DEFINED if value is None else f"{_settled(value, decimals(quote)):,.{decimals(quote)}f}"


def gain(value: float | Decimal, quote: str) -> str:
    """The same with its sign."""
    return f"{_settled(value, decimals(quote)):+,.{decimals(quote)}f}"


def decimals(quote: str) -> int:
    """Of an amount in this currency."""
    return 2 if quote in WITH_CENTS else 8


def price(value: Decimal) -> str:
    """All its digits."""
    return f"{Decimal(canonical(value)):,f}"


def moment(time: int) -> str:
    """Microseconds since the epoch as a UTC time to the minute."""
    return f"{from_microseconds(time):%Y-%m-%d %H:%M}"


def duration(microseconds: float) -> str:
    """In the two largest units that fit: 3 d 4 h, 1 h 14 min, 5 min."""
    minutes = round(timedelta(microseconds=microseconds) / timedelta(minutes=1))
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"))
    large = next((index for index, (count, _) in enumerate(parts) if count), 2)
    said = [f"{count} {unit}" for count, unit in parts[large : large + 2] if count]
    return " ".join(said) or "0 min"


def figure(metric: Metric, value: float | None, quote: str) -> str:
    """A figure of Performance in its unit."""
    if value is None:
        return NOT_DEFINED
    match metric.unit:
        case "share":
            return share(value)
        case "ratio":
            return f"{round(value, 2) + 0.0:,.2f}"
        case "days":
            return duration(value * DAY)
        case "quote":
            return f"{money(value, quote)} {quote}"
        case "times a year":
            return f"{value:,.1f}x a year"


def counted(count: int, thing: str) -> str:
    """1 trade, 2 trades."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def listing(symbols: tuple[str, ...], most: int = 4) -> str:
    """The first names, and how many more there are."""
    rest = len(symbols) - most
    return ", ".join(symbols[:most]) + (f" and {rest} more" if rest > 0 else "")


def _settled(value: float | Decimal, places: int) -> float | Decimal:
    """So that nothing is shown as -0.00."""
    return 0.0 if round(value, places) == 0 else value


def _rounded(value: float) -> float:
    """To what is shown, so that nothing is shown as -0.00%."""
    return round(value, 4) + 0.0
