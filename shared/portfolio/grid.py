"""A pair's grid: Decimals at the edge, ticks, lots and money units inside.

Money is in units of 1e-10 of the quote currency. A venue books cost and fee to its own decimals of the quote
(Kraken: 4 for USD, 10 for BTC), rounded half to even; `cost` and `fee` do the same, to the last unit.
"""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Literal

from shared.errors import Unprocessable
from shared.portfolio.exact import FRACTION, mul_div_ceil, mul_div_floor, mul_div_half_even, product

MONEY_UNIT = Decimal("1e-10")
MONEY_DECIMALS = 10
EXACT = Context(prec=60)
QUOTE_DECIMALS = {"USD": 4, "EUR": 4, "GBP": 4, "USDT": 8, "USDC": 8}
"""Decimals to which Kraken books each quote currency; 10 for those not listed (BTC, ETH)."""

Rounding = Literal["exact", "floor", "ceil"]


class OffGrid(Unprocessable):
    """A price or quantity between two steps of its grid, where rounding was not asked for."""


def notional(ticks: int, lots: int, mul: int, div: int) -> int:
    """Money units of `lots` at `ticks`, floored to the unit. Numba-able, like the three below."""
    return mul_div_floor(lots, product(ticks, mul), div)


def notional_up(ticks: int, lots: int, mul: int, div: int) -> int:
    """Money units of `lots` at `ticks`, rounded up: what to reserve."""
    return mul_div_ceil(lots, product(ticks, mul), div)


def cost(ticks: int, lots: int, num: int, den: int, quantum: int) -> int:
    """Money units as the venue books them: half-even to its quote decimals (`quantum` money units)."""
    return product(mul_div_half_even(lots, product(ticks, num), den), quantum)


def fee(cost_money: int, rate: int, quantum: int) -> int:
    """The venue's fee on a booked cost, `rate` in 1e-9, half-even to its quote decimals."""
    return product(mul_div_half_even(cost_money // quantum, rate, FRACTION), quantum)


def atr_ticks(atr: float, tick: float) -> float:
    """ATR in ticks, rounded to 1e-6 so that live, replay and compiled loops compare the same number."""
    return float(int(atr / tick * 1e6 + 0.5)) / 1e6


@dataclass(frozen=True, slots=True)
class Grid:
    """`tick` quote units a price step, `lot` base units a quantity step, `quote_decimals` the venue's for money.

    notional = ticks * lots * mul / div money units; the booked cost = ticks * lots * num / den quanta.
    """

    tick: Decimal
    lot: Decimal
    mul: int
    div: int
    num: int
    den: int
    quantum: int

    @classmethod
    def of(cls, tick: Decimal, lot: Decimal, quote_decimals: int = MONEY_DECIMALS) -> "Grid":
        """ValueError for steps that are not positive, or more quote decimals than money has."""
        if tick <= 0 or lot <= 0 or not 0 <= quote_decimals <= MONEY_DECIMALS:
            raise ValueError(f"no grid: tick {tick}, lot {lot}, {quote_decimals} quote decimals (0 to 10)")
        step = Fraction(tick) * Fraction(lot)
        units = step * 10**MONEY_DECIMALS
        quanta = step * 10**quote_decimals
        quantum = 10 ** (MONEY_DECIMALS - quote_decimals)
        return cls(tick, lot, units.numerator, units.denominator, quanta.numerator, quanta.denominator, quantum)

    @classmethod
    def of_quote(cls, tick: Decimal, lot: Decimal, quote: str) -> "Grid":
        """The grid with the quote currency's own decimals."""
        return cls.of(tick, lot, QUOTE_DECIMALS.get(quote, MONEY_DECIMALS))

    def to_ticks(self, price: Decimal, rounding: Rounding = "exact") -> int:
        """OffGrid where `rounding` is exact and the price lies between two ticks."""
        return _steps(price, self.tick, rounding, "price")

    def to_lots(self, quantity: Decimal, rounding: Rounding = "floor") -> int:
        """Whole lots in the quantity, floored unless said otherwise."""
        return _steps(quantity, self.lot, rounding, "quantity")

    def from_ticks(self, ticks: int) -> Decimal:
        """The price."""
        return EXACT.multiply(self.tick, Decimal(ticks))

    def from_lots(self, lots: int) -> Decimal:
        """The quantity."""
        return EXACT.multiply(self.lot, Decimal(lots))

    def notional(self, ticks: int, lots: int) -> int:
        """Money units, floored."""
        return notional(ticks, lots, self.mul, self.div)

    def notional_up(self, ticks: int, lots: int) -> int:
        """Money units, rounded up."""
        return notional_up(ticks, lots, self.mul, self.div)

    def cost(self, ticks: int, lots: int) -> int:
        """Money units as the venue books them."""
        return cost(ticks, lots, self.num, self.den, self.quantum)

    def fee(self, cost_money: int, rate: int) -> int:
        """The venue's fee on a booked cost; `rate` in 1e-9."""
        return fee(cost_money, rate, self.quantum)

    def atr_ticks(self, atr: float | Decimal) -> float:
        """ATR of quote units, in ticks."""
        return atr_ticks(float(atr), float(self.tick))


def to_money(amount: Decimal, rounding: Rounding = "exact") -> int:
    """Money units of an amount of quote currency. OffGrid where it has more than ten decimals and must be exact."""
    return _steps(amount, MONEY_UNIT, rounding, "amount")


def from_money(units: int) -> Decimal:
    """The amount in quote currency, normalised."""
    amount = EXACT.multiply(Decimal(units), MONEY_UNIT)
    return amount.normalize(EXACT) if units else Decimal(0)


def to_fraction(value: Decimal) -> int:
    """A fraction or rate in units of 1e-9. OffGrid for more than nine decimals."""
    return _steps(value, Decimal("1e-9"), "exact", "fraction")


def _steps(value: Decimal, step: Decimal, rounding: Rounding, what: str) -> int:
    count = EXACT.divide(value, step)
    whole = count.to_integral_value(ROUND_CEILING if rounding == "ceil" else ROUND_FLOOR)
    if rounding == "exact" and whole != count:
        raise OffGrid(f"{what} {value} is no multiple of {step}")
    return int(whole)
