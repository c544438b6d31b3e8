"""A name tells a pair where it tells exactly one."""

from pathlib import Path

import pytest

from backtester.data.pairs import pair_of


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("eth-btc-5m-2018-01.csv", "ETH/BTC"),
        ("BTCUSDT-1m-2022-01.csv", "BTC/USDT"),
        ("Binance_SOLUSDC_1h.csv", "SOL/USDC"),
        ("XBTUSD_60.csv", "BTC/USD"),
        ("BTC_USDT_USDT-5m-futures.parquet", "BTC/USDT"),
        ("ethbtc.csv", "ETH/BTC"),
        ("btc-perp-1m-2022-01.csv", None),
        ("btc-eth-usd.csv", None),
        ("btcusd-ethusd.csv", None),
        ("daily_usd.csv", None),
        ("mybtcusd.csv", None),
        ("usdt-usdt.csv", None),
        ("candles.csv", None),
    ],
)
def test_names(name: str, pair: str | None) -> None:
    assert pair_of(Path("eth-usd") / name) == pair
