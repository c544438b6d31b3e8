"""What every desk starts with: assets, strategies and members with equal weights, and the two switches."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Asset, Base, Strategy, SystemConfig, Weight

QUOTE = "USD"
ASSETS = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "SOL": "Solana",
    "XRP": "XRP",
    "ADA": "Cardano",
    "DOGE": "Dogecoin",
    "DOT": "Polkadot",
    "LINK": "Chainlink",
    "AVAX": "Avalanche",
    "LTC": "Litecoin",
    "BCH": "Bitcoin Cash",
    "XLM": "Stellar",
    "XMR": "Monero",
    "TRX": "Tron",
    "ATOM": "Cosmos",
    "UNI": "Uniswap",
    "AAVE": "Aave",
    "NEAR": "NEAR Protocol",
    "FIL": "Filecoin",
    "ALGO": "Algorand",
    "ETC": "Ethereum Classic",
    "APT": "Aptos",
    "ARB": "Arbitrum",
    "OP": "Optimism",
    "SUI": "Sui",
    "INJ": "Injective",
    "XTZ": "Tezos",
    "ZEC": "Zcash",
    "GRT": "The Graph",
    "SHIB": "Shiba Inu",
}
STRATEGIES = {
    "momentum": "follows the trend: moving averages, RSI and MACD agree",
    "mean_reversion": "buys what has fallen too far from its mean",
    "breakout": "buys a new high that comes with volume",
    "swing": "buys pullbacks inside a trend",
    "news_driven": "follows the sentiment of news; silent without it",
}
MEMBERS = ("technical_trend", "mean_reversion", "volatility", "sentiment", "portfolio")
EQUAL = 0.2
FROM = datetime(1970, 1, 1, tzinfo=UTC)


async def seed(connection: AsyncConnection) -> int:
    """Insert what is missing and return how many rows that were; rows that exist stay as users left them."""
    return (
        await _missing(connection, Asset, _assets())
        + await _missing(connection, Strategy, _strategies())
        + await _missing(connection, Weight, _weights())
        + await _missing(connection, SystemConfig, [{"id": 1}])
    )


async def _missing(connection: AsyncConnection, table: type[Base], rows: Iterable[Mapping[str, object]]) -> int:
    statement = insert(table).values([dict(row) for row in rows]).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount


def _assets() -> list[dict[str, object]]:
    return [
        {"symbol": f"{base}/{QUOTE}", "base": base, "quote": QUOTE, "name": name, "is_active": True}
        for base, name in ASSETS.items()
    ]


def _strategies() -> list[dict[str, object]]:
    return [
        {"name": name, "description": description, "parameters": {}, "is_active": True}
        for name, description in STRATEGIES.items()
    ]


def _weights() -> list[dict[str, object]]:
    names = [("strategies", name) for name in STRATEGIES] + [("members", name) for name in MEMBERS]
    return [
        {"scope": scope, "name": name, "effective_from": FROM, "weight": EQUAL, "reason": "seeded"}
        for scope, name in names
    ]
