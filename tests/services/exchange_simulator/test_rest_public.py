"""Public REST through the real ccxt client."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ccxt.base import errors

from tests.services.exchange_simulator.rig import START, Rig, Start, write_candles


async def test_markets_carry_what_orders_must_respect(start: Start, tmp_path: Path) -> None:
    ada = write_candles(tmp_path / "ada.csv", [("5.330000000000001e-05", "5.4e-05", "5.3e-05", "5.35e-05", 9)] * 2)
    eth = write_candles(tmp_path / "eth.csv", [("0.0984", "0.0994766", "0.09828605", "0.0985", 9)] * 2)
    rig = await start(data=[f"ADA/BTC={ada}", f"ETH/BTC={eth}"])
    client = rig.client()
    markets = await client.load_markets()
    assert (markets["ADA/BTC"]["id"], markets["ETH/BTC"]["id"]) == ("ADAXBT", "XETHXXBT")
    # ETH/BTC usually has 5 decimals; this data needs 8.
    assert (markets["ETH/BTC"]["precision"]["price"], markets["ETH/BTC"]["precision"]["amount"]) == (
        "0.00000001",
        "0.00000001",
    )
    assert (markets["ADA/BTC"]["limits"]["amount"]["min"], markets["ADA/BTC"]["limits"]["cost"]["min"]) == (
        "6",
        "0.00002",
    )
    assert (markets["ADA/BTC"]["taker"], markets["ADA/BTC"]["maker"]) == ("0.0026", "0.0016")
    currencies = await client.fetch_currencies()
    assert (currencies["BTC"]["id"], currencies["BTC"]["precision"]) == ("XXBT", "0.0000000001")


async def test_prices_of_the_moment(start: Start) -> None:
    rig = await start(half_spread_bps=Decimal(10))
    client = rig.client()
    await rig.sim("open")
    ticker = await client.fetch_ticker("BTC/USD")
    assert (ticker["bid"], ticker["ask"], ticker["last"]) == ("99.9", "100.1", "100.0")
    assert set(await client.fetch_tickers(["BTC/USD"])) == {"BTC/USD"}
    book = await client.fetch_order_book("BTC/USD", 5)
    assert [level[0] for level in book["bids"]] == ["99.9", "99.8", "99.7", "99.6", "99.5"]
    assert [level[0] for level in book["asks"]] == ["100.1", "100.2", "100.3", "100.4", "100.5"]
    [trade] = await client.fetch_trades("BTC/USD")
    assert (trade["price"], trade["timestamp"]) == ("100.0", START * 1000)
    assert await client.fetch_time() == START * 1000
    assert (await client.fetch_status())["status"] == "ok"


async def test_candles_stop_at_the_venues_clock(rig: Rig) -> None:
    client = rig.client()
    assert await client.fetch_ohlcv("BTC/USD", "1m") == []
    await rig.sim("open")
    [forming] = await client.fetch_ohlcv("BTC/USD", "1m")
    assert forming[:5] == [START * 1000, "100.0", "100.0", "100.0", "100.0"]
    await rig.sim("walk")
    [complete] = await client.fetch_ohlcv("BTC/USD", "1m")
    assert complete == [START * 1000, "100.0", "104.0", "96.0", "102.0", "10.00000000"]


async def test_since_leaves_out_older_candles(rig: Rig) -> None:
    for _ in range(4):
        await rig.sim("advance")
    client = rig.client()
    candles = await client.fetch_ohlcv("BTC/USD", "1m", since=(START + 120) * 1000)
    assert [candle[0] for candle in candles] == [(START + 120) * 1000, (START + 180) * 1000]
    raw = (await client.publicGetOHLC({"pair": "XBTUSD", "interval": 1, "since": START + 60}))["result"]
    assert [row[0] for row in raw["XXBTZUSD"]] == [str(START + 120), str(START + 180)]
    assert raw["last"] == str(START + 120)  # the last candle that is over


async def test_a_day_is_summed_up(rig: Rig) -> None:
    for _ in range(5):
        await rig.sim("advance")
    ticker = await rig.client().fetch_ticker("BTC/USD")
    assert (ticker["high"], ticker["low"], ticker["open"], ticker["baseVolume"]) == (
        "110.0",
        "90.0",
        "100.0",
        "100.00000000",
    )


async def test_at_most_720_candles_of_a_seeded_past(start: Start) -> None:
    rig = await start(market="seeded")
    await rig.sim("open")
    client = rig.client()
    for timeframe, minutes in (("1m", 1), ("5m", 5), ("1h", 60)):
        candles = await client.fetch_ohlcv("ETH/USD", timeframe)
        assert len(candles) == 720
        assert {b[0] - a[0] for a, b in pairwise(candles)} == {minutes * 60_000}
        assert all(Decimal(c[3]) <= Decimal(c[1]) <= Decimal(c[2]) for c in candles)


@pytest.mark.parametrize(
    ("method", "parameters", "code"),
    [
        ("publicGetTicker", {"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ("publicGetOHLC", {"pair": "XBTUSD", "interval": 7}, "EGeneral:Invalid arguments:interval"),
        ("publicGetOHLC", {"pair": "XBTUSD", "since": "soon"}, "EGeneral:Invalid arguments:since"),
        ("publicGetSpread", {"pair": "XBTUSD"}, "EGeneral:Unknown method"),
    ],
)
async def test_errors_carry_krakens_codes(rig: Rig, method: str, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(errors.ExchangeError, match=code):
        await getattr(rig.client(), method)(parameters)
