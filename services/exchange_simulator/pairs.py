"""Assets and pairs, named and scaled as Kraken names and scales them."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from services.exchange_simulator.errors import BadConfiguration, KrakenError, invalid_argument

LOT_DECIMALS = 8
MAX_PRICE_DECIMALS = 10
EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Asset:
    """``code`` is the world's name (BTC), ``kraken`` the ledger's (XXBT), ``alt`` the pair's (XBT)."""

    code: str
    kraken: str
    alt: str
    decimals: int
    order_minimum: Decimal

    @property
    def unit(self) -> Decimal:
        return Decimal(1).scaleb(-self.decimals)

    def text(self, amount: Decimal) -> str:
        """The amount with exactly the asset's decimals; never rounds."""
        return f"{amount:.{self.decimals}f}"


ASSETS = {
    asset.code: asset
    for asset in (
        Asset("BTC", "XXBT", "XBT", 10, Decimal("0.00005")),
        Asset("ETH", "XETH", "ETH", 10, Decimal("0.001")),
        Asset("LTC", "XLTC", "LTC", 10, Decimal("0.04")),
        Asset("XMR", "XXMR", "XMR", 10, Decimal("0.02")),
        Asset("XRP", "XXRP", "XRP", 8, Decimal("2")),
        Asset("XLM", "XXLM", "XLM", 8, Decimal("20")),
        Asset("DOGE", "XXDG", "XDG", 8, Decimal("30")),
        Asset("ZEC", "XZEC", "ZEC", 10, Decimal("0.06")),
        Asset("ETC", "XETC", "ETC", 10, Decimal("0.2")),
        Asset("ADA", "ADA", "ADA", 8, Decimal("6")),
        Asset("SOL", "SOL", "SOL", 10, Decimal("0.02")),
        Asset("DOT", "DOT", "DOT", 10, Decimal("0.7")),
        Asset("LINK", "LINK", "LINK", 10, Decimal("0.2")),
        Asset("AVAX", "AVAX", "AVAX", 10, Decimal("0.2")),
        Asset("ATOM", "ATOM", "ATOM", 8, Decimal("0.7")),
        Asset("MATIC", "MATIC", "MATIC", 10, Decimal("8")),
        Asset("UNI", "UNI", "UNI", 10, Decimal("0.5")),
        Asset("AAVE", "AAVE", "AAVE", 10, Decimal("0.02")),
        Asset("ALGO", "ALGO", "ALGO", 8, Decimal("20")),
        Asset("BCH", "BCH", "BCH", 10, Decimal("0.01")),
        Asset("FIL", "FIL", "FIL", 10, Decimal("0.9")),
        Asset("NEAR", "NEAR", "NEAR", 10, Decimal("1")),
        Asset("APT", "APT", "APT", 10, Decimal("0.5")),
        Asset("ARB", "ARB", "ARB", 10, Decimal("5")),
        Asset("OP", "OP", "OP", 10, Decimal("2.5")),
        Asset("INJ", "INJ", "INJ", 10, Decimal("0.2")),
        Asset("SUI", "SUI", "SUI", 10, Decimal("1.5")),
        Asset("TRX", "TRX", "TRX", 8, Decimal("30")),
        Asset("XTZ", "XTZ", "XTZ", 8, Decimal("4")),
        Asset("GRT", "GRT", "GRT", 10, Decimal("20")),
        Asset("MKR", "MKR", "MKR", 10, Decimal("0.002")),
        Asset("USD", "ZUSD", "USD", 4, Decimal("5")),
        Asset("EUR", "ZEUR", "EUR", 4, Decimal("5")),
        Asset("GBP", "ZGBP", "GBP", 4, Decimal("5")),
        Asset("USDT", "USDT", "USDT", 8, Decimal("5")),
        Asset("USDC", "USDC", "USDC", 8, Decimal("5")),
    )
}
COST_MINIMUM = {"BTC": Decimal("0.00002"), "ETH": Decimal("0.0002")}
USUAL_DECIMALS = {
    "BTC/USD": 1, "ETH/USD": 2, "LTC/USD": 2, "XMR/USD": 2, "SOL/USD": 2, "XRP/USD": 5, "XLM/USD": 6, "ADA/USD": 6,
    "DOT/USD": 4, "DOGE/USD": 7, "LINK/USD": 5, "AVAX/USD": 2, "ATOM/USD": 4, "MATIC/USD": 4, "UNI/USD": 3,
    "ETH/BTC": 5, "LTC/BTC": 6, "XMR/BTC": 6, "ADA/BTC": 8, "XLM/BTC": 8, "XRP/BTC": 8, "BTC/EUR": 1, "ETH/EUR": 2,
}  # fmt: skip


def asset(code: str) -> Asset:
    return ASSETS.get(code, Asset(code, code, code, 10, Decimal("0.01")))


@dataclass(frozen=True, slots=True)
class Pair:
    """A market. Ticks are ``10**-decimals`` of the quote, lots ``10**-8`` of the base."""

    symbol: str
    base: Asset
    quote: Asset
    decimals: int

    @property
    def altname(self) -> str:
        return self.base.alt + self.quote.alt

    @property
    def id(self) -> str:
        legacy = all(a.kraken != a.alt for a in (self.base, self.quote)) and self.base.code != "DOGE"
        return self.base.kraken + self.quote.kraken if legacy else self.altname

    @property
    def wsname(self) -> str:
        return f"{self.base.alt}/{self.quote.alt}"

    @property
    def cost_minimum(self) -> Decimal:
        return COST_MINIMUM.get(self.quote.code, Decimal("0.5"))

    def price(self, ticks: int) -> str:
        return fixed(ticks, self.decimals)

    def parse_price(self, text: str, field: str = "price") -> int:
        """Ticks. Raises KrakenError for what is no positive price or lies between two ticks."""
        value = _number(text, field).scaleb(self.decimals, EXACT)
        if value != value.to_integral_value():
            raise KrakenError("EOrder:Tick size check failed")
        return int(value)

    def parse_quantity(self, text: str, field: str = "volume") -> int:
        """Lots, digits beyond the lot cut off as the venue does. Raises KrakenError."""
        return int(_number(text, field).scaleb(LOT_DECIMALS, EXACT))

    def cost(self, ticks: int, lots: int) -> Decimal:
        exact = Decimal(ticks * lots).scaleb(-self.decimals - LOT_DECIMALS, EXACT)
        return exact.quantize(self.quote.unit, context=EXACT)

    def fee(self, cost: Decimal, rate: Decimal) -> Decimal:
        return EXACT.multiply(cost, rate).quantize(self.quote.unit, context=EXACT)


def fixed(units: int, decimals: int) -> str:
    """``fixed(12345, 2) == "123.45"``, for non-negative units."""
    if decimals == 0:
        return str(units)
    digits = f"{units:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


def quantity(lots: int) -> str:
    return fixed(lots, LOT_DECIMALS)


def amount(lots: int) -> Decimal:
    return Decimal(lots).scaleb(-LOT_DECIMALS, EXACT)


def pair(symbol: str, data_decimals: int = 0) -> Pair:
    """The pair of a symbol such as BTC/USD, its tick made fine enough for ``data_decimals``."""
    base, slash, quote = symbol.partition("/")
    if not (slash and base and quote and base != quote):
        raise BadConfiguration(f"{symbol!r} is no pair; write it like BTC/USD")
    usual = USUAL_DECIMALS.get(symbol, 8 if quote == "BTC" else 4)
    return Pair(symbol, asset(base), asset(quote), min(max(usual, data_decimals), MAX_PRICE_DECIMALS))


def _number(text: str, field: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise invalid_argument(field) from None
    if not value.is_finite() or value <= 0 or abs(value.adjusted()) > 20:
        raise invalid_argument(field)
    return value
