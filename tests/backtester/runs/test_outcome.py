"""Which runs are the same, and which results."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from backtester.data.steps import Steps
from backtester.runs.outcome import Candles, Outcome
from backtester.runs.plan import Costs, Plan, StrategyChoice
from tests.backtester.report.outcomes import BTC, HOUR, markets, outcome, plan
from tests.backtester.runs.test_kept import OPEN

MARKETS = markets(bars=60)


def made(**values: Any) -> Outcome:
    return outcome(MARKETS, **values)


OTHER: dict[str, Any] = {
    "venue": "kraken",
    "symbols": (BTC, "ETH/USD"),
    "base_timeframe": "1m",
    "timeframe": "1h",
    "start": 1,
    "end": 2,
    "engine": "event",
    "strategies": (StrategyChoice(name="swing", weight=1),),
    "council": "rules",
    "learning": "on",
    "short": True,
    "costs": Costs(half_spread=Decimal("0.0002")),
    "desk": {**plan().desk, "stop_atr": "2.5"},
    "seed": 2,
    "steps": {BTC: Steps(tick=Decimal("0.5"))},
    "learnt": (BTC,),
}


def test_the_same_plan_candles_and_code_have_the_same_id() -> None:
    assert made().id == made(seconds=9.0, cash=Decimal(1)).id
    assert len(made().id) == 10


@pytest.mark.parametrize("field", Plan.model_fields)
def test_every_field_of_a_plan_changes_the_id(field: str) -> None:
    changed = plan().model_copy(update={field: OTHER[field]})
    assert getattr(changed, field) != getattr(plan(), field)
    assert made(given=changed).id != made().id


@pytest.mark.parametrize("changed", [{"name": "swing"}, {"params": {"floor": 0.3}}, {"weight": 0.25}])
def test_so_does_all_of_a_strategy(changed: dict[str, object]) -> None:
    first, *others = plan().strategies
    given = plan().model_copy(update={"strategies": (first.model_copy(update=changed), *others)})
    assert made(given=given).id != made().id


@pytest.mark.parametrize("name", Costs.model_fields)
def test_so_does_every_cost(name: str) -> None:
    costs = Costs().model_copy(update={name: Decimal("0.5")})
    assert made(given=plan().model_copy(update={"costs": costs})).id != made().id


def test_other_candles_and_other_code_are_another_run() -> None:
    candles = {BTC: Candles("0" * 64, 60, 0, 1)}
    assert len({made().id, made(candles=candles).id, made(code="0.1.0+other").id}) == 3


def test_the_result_is_all_that_was_earned_and_nothing_else() -> None:
    one = made(open_trades=(OPEN,))
    equity = one.equity.copy()
    equity[7] = np.nextafter(equity[7], np.inf)
    first, *others = one.trades
    results = [
        one,
        replace(one, equity=equity),
        replace(one, cash=one.cash + Decimal("1e-10")),
        replace(one, trades=(replace(first, pnl=first.pnl + Decimal("1e-10")), *others)),
        replace(one, trades=(replace(first, exit_reason="other"), *others)),
        replace(one, open_trades=()),
        replace(one, open_trades=(replace(OPEN, price=OPEN.price + 1),)),
        replace(one, open_trades=(replace(OPEN, entry_time=OPEN.entry_time + 1),)),
    ]
    assert len({each.result for each in results}) == len(results)
    assert replace(one, seconds=9.0).result == one.result
    assert replace(one, cash=Decimal("9876.54320")).result == one.result


def test_what_is_held_has_gained_what_no_closed_trade_has() -> None:
    equity = np.linspace(10_000, 10_100.25, 61)
    one = made(equity=equity, held={BTC: Decimal(1)})
    assert one.unrealised == Decimal("100.25") - sum(trade.pnl for trade in one.trades)


def test_an_open_trade_counts_in_time_exposure_turnover_and_fees() -> None:
    bars = markets(bars=600)
    entered = int(bars[BTC].open_time[300])
    left = replace(OPEN, symbol=BTC, entry_time=entered, quantity=Decimal(2), entry_price=Decimal(100))
    flat = {"equity": np.full(601, 1_000.0), "trades": ()}
    one, without = outcome(bars, **flat, open_trades=(left,)), outcome(bars, **flat)
    assert (one.performance.time_in_market, without.performance.time_in_market) == (0.5, 0.0)
    assert one.performance.average_exposure == pytest.approx(0.5 * 0.2)
    assert one.performance.turnover == pytest.approx(0.2 / one.curve.years)
    assert (one.performance.fees, one.performance.win_rate) == (float(left.fees), None)


def test_evidence_is_of_all_days_and_counts_the_years_there_are() -> None:
    bars = markets(bars=600)
    within = replace(outcome(bars), time=outcome(bars).time + 5 * HOUR)
    daily = within.curve.daily()
    assert np.prod(1 + daily.returns) == pytest.approx(within.equity[-1] / within.equity[0])
    assert within.evidence.periods == len(daily) - 1 == 26
    weeks = replace(within, time=within.time[0] + 7 * 24 * HOUR * np.arange(601))
    assert weeks.evidence.interval is not None
    low, high, _ = weeks.evidence.interval
    assert low < (weeks.performance.sharpe or 0) < high
    assert high - low < 3 * 2 / weeks.curve.years**0.5


def test_a_run_ruined_on_its_first_day_has_figures() -> None:
    equity = np.concatenate([[10_000.0], np.full(60, -5.0)])
    one = made(equity=equity)
    assert one.performance.total_return == pytest.approx(-1.0005)
    assert one.verdict.could_be_luck


def test_scored_from_is_the_close_that_ends_the_shortest_warm_up() -> None:
    given = plan()
    first = int(MARKETS[BTC].open_time[0])
    shortest = min(choice.built().warmup for choice in given.strategies)
    assert made(given=given).scored_from == first + shortest * 4 * HOUR
    quarter = made(candles={BTC: Candles("0" * 64, 60, first + HOUR, first + 60 * HOUR)})
    assert quarter.scored_from == first + (shortest + 1) * 4 * HOUR


def test_scored_from_is_the_start_where_candles_before_it_warm_up() -> None:
    first = int(MARKETS[BTC].open_time[0])
    assert made(candles={BTC: Candles("0" * 64, 9000, first - 9000 * HOUR, first)}).scored_from == first


def test_scored_from_is_not_known_without_the_strategys_file() -> None:
    gone = plan().model_copy(update={"strategies": (StrategyChoice(name="/no/such/file.py:Gone", weight=1),)})
    assert made(given=gone).scored_from is None
