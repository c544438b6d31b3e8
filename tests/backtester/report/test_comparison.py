"""Two backtests beside each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backtester.data.store import CandleStore
from backtester.report.comparison import OTHERWISE, differing_fields, paired_days, same_candles
from backtester.report.words import moment
from tests.backtester.data.candles import believed
from tests.backtester.report.outcomes import BTC, markets, outcome, plan

MARKETS = markets()
BASE = outcome(MARKETS)


def test_a_run_does_not_differ_from_itself() -> None:
    paired = paired_days(BASE, BASE)
    assert (paired.days, paired.mean, paired.could_be_luck) == (84, 0.0, True)


def test_a_small_but_steady_difference_is_seen_through_the_noise() -> None:
    """Both move by 1 % a day together; one earns 0.05 % a day more, which their Sharpe ratios could not tell apart."""
    steady = np.exp(np.arange(len(BASE.time)) / 24 * 0.0005)
    better = outcome(MARKETS, equity=BASE.equity * steady)
    paired = paired_days(better, BASE)
    assert paired.mean == pytest.approx(0.0005, rel=0.05)
    assert not paired.could_be_luck
    assert paired_days(BASE, better).mean == pytest.approx(-(paired.mean or 0))


def test_unrelated_runs_could_differ_by_luck() -> None:
    assert paired_days(outcome(MARKETS, seed=8), BASE).could_be_luck


def test_only_shared_days_count() -> None:
    short = outcome(markets(bars=240))
    assert paired_days(BASE, short).days == paired_days(short, BASE).days == 10


def test_days_are_paired_by_their_date() -> None:
    late = replace(BASE, time=BASE.time[480:], equity=BASE.equity[480:], hold=BASE.hold[480:])
    for paired in (paired_days(BASE, late), paired_days(late, BASE)):
        assert (paired.days, paired.mean) == (64, 0.0)


def test_a_ruined_account_and_a_single_day_prove_nothing() -> None:
    ruined = paired_days(BASE, outcome(MARKETS, equity=np.r_[10_000.0, np.full(2000, -1.0)]))
    assert (ruined.days, ruined.mean, ruined.interval, ruined.could_be_luck) == (0, None, None, True)
    single = paired_days(BASE, outcome(markets(bars=5)))
    assert (single.days, single.interval, single.could_be_luck) == (1, None, True)


def test_only_fields_that_differ_are_named() -> None:
    one = plan(seed=2).model_dump(mode="json")
    choices = [{"name": "momentum", "params": {"fast": 5}, "weight": 0.5}, {"name": "breakout", "weight": 0.5}]
    other = plan(costs={"taker_fee": "0.001"}).model_dump(mode="json") | {
        "strategies": [{"params": {}} | choice for choice in choices]
    }
    assert differing_fields([one, other]) == {
        "strategies.momentum.fast": ["—", 5],
        "strategies.swing.weight": [0.5, "—"],
        "strategies.breakout.weight": ["—", 0.5],
        "costs.taker_fee": ["0.0026", "0.001"],
        "seed": [2, 1],
    }
    assert differing_fields([one, one, one]) == {}


def test_candles_of_another_range_are_compared_where_they_overlap(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    late = {name: bars.between(100, 1500) for name, bars in MARKETS.items()}
    pair = [BASE, outcome(late)]
    assert same_candles([BASE, BASE], store) == (True, "the same")
    assert same_candles(pair, store) == (False, OTHERWISE)  # nothing is stored that could tell
    store.merge("file", BTC, believed(MARKETS[BTC], "1h"))
    said = (
        f"the same where they overlap, {moment(int(late[BTC].open_time[0]))} to {moment(int(late[BTC].open_time[-1]))}"
    )
    assert same_candles(pair, store) == (True, said)
    other = outcome({BTC: markets(("ETH/USD", BTC))[BTC].between(100, 1500)})
    assert same_candles([BASE, other], store) == (False, OTHERWISE)


def test_candles_of_no_common_symbol_or_time(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    parts = [outcome({BTC: MARKETS[BTC].between(*ends)}) for ends in ((0, 500), (500, 900))]
    assert same_candles(parts, store) == (False, "of no time in common")
    assert same_candles([BASE, outcome(markets(("ETH/USD",)))], store) == (False, "of no symbol in common")
