"""The pair that a file's name tells, where it tells exactly one: eth-btc-5m-2018-01.csv, Binance_BTCUSDT_1h.csv."""

import re
from itertools import pairwise
from pathlib import Path

QUOTES = "USDT|USDC|USD|EUR|GBP|JPY|CAD|AUD|CHF|BTC|XBT|ETH|BNB"
BASES = (
    "AAVE|ADA|ALGO|APT|ARB|ATOM|AVAX|BCH|BNB|BTC|DASH|DOGE|DOT|EOS|ETC|ETH|FIL|HBAR|ICP|INJ|LINK|LTC|MATIC|NEAR|OP|"
    "PEPE|POL|SHIB|SOL|SUI|TON|TRX|UNI|USDC|USDT|XBT|XDG|XLM|XMR|XRP|XTZ|ZEC"
)
"""Whatever else stands in a name may be a word; a pair of another asset has to be given."""
PAIR = re.compile(rf"({BASES})-?({QUOTES})")
KRAKENS = {"XBT": "BTC", "XDG": "DOGE"}


def pair_of(path: Path) -> str | None:
    """BASE/QUOTE; None where the name holds no pair that is known, or several."""
    words = re.split(r"[^A-Z0-9]+", path.name.upper())
    matches = map(PAIR.fullmatch, [*words, *map("-".join, pairwise(words))])
    named = ([KRAKENS.get(asset, asset) for asset in match.groups()] for match in matches if match)
    found = {f"{base}/{quote}" for base, quote in named if base != quote}
    return found.pop() if len(found) == 1 else None
