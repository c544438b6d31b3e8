"""Whose steps a plan goes by: the venue's, else those of everything that is stored, whatever part of it is played."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from backtester.data.steps import UNKNOWN, Steps
from backtester.data.store import CandleStore
from backtester.runs.instruments import instrument_of, with_steps
from backtester.runs.run import loaded, run
from shared.errors import ConfigError
from shared.strategies.market import Market
from tests.backtester.data.candles import believed
from tests.backtester.sweep.searches import hours, plan


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


def keep(store: CandleStore, market: Market, steps: Steps = UNKNOWN) -> None:
    store.merge("file", "BTC/USD", believed(market, "1h"), steps=steps)


def finer(market: Market, last_close: float) -> Market:
    close = market.close.copy()
    close[-1] = last_close
    return Market(market.open_time, market.open, market.high, market.low, close, market.volume)


def test_what_comes_later_changes_no_fill_before_it(store: CandleStore) -> None:
    market = hours(1500)
    keep(store, finer(market, round(float(market.low[-1]) + 0.0001, 4)))
    whole = with_steps(plan(), store)
    part = with_steps(plan(end=int(market.open_time[-1])), store)
    assert whole.steps == part.steps == {"BTC/USD": Steps(tick=Decimal("0.0001"))}
    assert whole.learnt == ("BTC/USD",)
    trades = [run(one, loaded(one, store)).trades for one in (whole, part)]
    assert len(trades[1]) > 5
    assert trades[0][: len(trades[1]) - 1] == trades[1][:-1]


def test_the_venues_own_steps(store: CandleStore) -> None:
    known = Steps(tick=Decimal("0.005"), lot=Decimal("0.001"), min_quantity=Decimal("0.01"), min_cost=Decimal(7))
    keep(store, hours(1500), known)
    settled = with_steps(plan(), store)
    assert settled.learnt == ()
    one = instrument_of("BTC/USD", hours(1500), settled)
    assert (one.tick, one.lot, one.min_quantity, one.min_cost) == tuple(dict(known).values())
    cheaper = settled.model_copy(update={"costs": settled.costs.model_copy(update={"min_cost": Decimal(1)})})
    assert instrument_of("BTC/USD", hours(1500), cheaper).min_cost == 1


def test_bars_from_before_the_venue_had_its_tick(store: CandleStore) -> None:
    keep(store, hours(1500), Steps(lot=Decimal("0.001")))
    parquet_tick = Steps(tick=Decimal("0.5"))
    with pytest.raises(ConfigError, match=r"0\.5"):
        keep(store, hours(1500), parquet_tick)
    assert with_steps(plan(), store).steps["BTC/USD"] == Steps(tick=Decimal("0.01"), lot=Decimal("0.001"))


@pytest.mark.parametrize(
    ("price", "tick"), [(4.5e-7, "1E-8"), (0.00000123, "1E-8"), (45_000.5, "0.1"), (30_000.0, "1")]
)
def test_the_finest_decimal_place_is_the_tick(price: float, tick: str) -> None:
    column = np.full(3, price)
    market = Market(np.arange(3) * 3_600_000_000, column, column, column, column, np.ones(3))
    assert instrument_of("BTC/USD", market, plan()).tick == Decimal(tick)


def test_costs_that_would_be_cut_off_are_refused() -> None:
    for costs in ({"half_spread": "0.0000019"}, {"taker_fee": "0.0000000001"}, {"slippage": "0.00000000015"}):
        with pytest.raises(ConfigError, match="is finer than"):
            plan(costs=costs)
