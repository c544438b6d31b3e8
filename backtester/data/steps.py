"""The steps and minimums of a pair at its venue, kept beside its candles: what is not known is None."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pydantic import ValidationError

from backtester.data.fields import is_number
from shared.errors import ConfigError
from shared.ids import canonical
from shared.schemas.base import NonNegative, Price, Value


class Steps(Value):
    """`tick` of the price and `min_cost` of an order in quote units, `lot` and `min_quantity` in base units."""

    tick: Price | None = None
    lot: Price | None = None
    min_quantity: NonNegative | None = None
    min_cost: NonNegative | None = None

    def __bool__(self) -> bool:
        return self != UNKNOWN

    def over(self, older: "Steps") -> "Steps":
        """These, and what only the older ones know."""
        return older.model_copy(update={name: value for name, value in self if value is not None})

    def against(self, older: "Steps") -> Iterator[str]:
        """What both know, and differently, in words."""
        for name, value in self:
            before = getattr(older, name)
            if value is not None and before is not None and value != before:
                yield f"{field_name(name)} {canonical(value)} (stored {canonical(before)})"


UNKNOWN = Steps()


def field_name(name: str) -> str:
    """A field as options and people write it."""
    return name.replace("_", "-")


def steps_of(**texts: str | None) -> Steps:
    """From options. ConfigError names the one that is no number, zero or negative."""
    try:
        return Steps(**{name: Decimal(text) for name, text in texts.items() if text is not None})
    except InvalidOperation:
        wrong = next(name for name, text in texts.items() if text is not None and not is_number(text))
    except ValidationError as error:
        wrong = str(error.errors()[0]["loc"][0])
    raise ConfigError(f"--{field_name(wrong)} {texts[wrong]}: give a number above zero, such as 0.01")
