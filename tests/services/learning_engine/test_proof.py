"""A slice of `benchmarks.prove_learning`, and that the market it stands on is one."""

import random
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.planted import closed_trades, planted
from benchmarks.prove_learning import SYMBOL, Course, holds, proof
from benchmarks.seeded_market import History, history
from benchmarks.seeded_trades import Ended, terms_of, traded
from shared.config import Settings, load_settings
from shared.db import Database
from shared.portfolio.grid import from_money
from shared.schemas.trades import TradeClosed
from shared.seed import MEMBERS, STRATEGIES


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(data_dir=tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def past(settings: Settings) -> History:
    return history(SYMBOL, settings.timeframe, seed=1, days=10)


@pytest.fixture(scope="module")
def trades(past: History, settings: Settings) -> list[Ended]:
    found = [traded(past, terms_of(settings), bar) for bar in range(300, len(past.bars), 5)]
    return [trade for trade in found if trade is not None]


def closed(past: History, settings: Settings) -> list[TradeClosed]:
    rng = random.Random(1)
    strategies, members = planted(tuple(STRATEGIES), rng), planted(MEMBERS, rng)
    return list(closed_trades(past, terms_of(settings), strategies, members, rng, settings.entry_score))


async def test_a_planted_loser_falls_a_winner_rises_and_coin_flips_stay_within_noise(
    database: Database, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path)
    found = await proof(database, settings, number=1, days=45)
    assert [course for course in found if not holds(course, settings)] == []
    assert {(course.scope, course.role) for course in found} >= {("strategies", "winner"), ("members", "loser")}


def test_weights_that_never_move_prove_no_winner_and_no_loser(settings: Settings) -> None:
    stuck = Course("strategies", "momentum", "winner", (0.2,) * 9, 0.0)
    assert not holds(stuck, settings)
    assert not holds(replace(stuck, role="loser"), settings)
    assert holds(replace(stuck, role="coin-flip"), settings)


def test_a_winner_that_touched_the_cap_and_fell_back_has_not_risen(settings: Settings) -> None:
    assert not holds(Course("strategies", "momentum", "winner", (0.2, 0.5, 0.2, 0.2, 0.2), 0.0), settings)


def test_a_coin_flip_that_ends_where_the_loser_should_is_not_noise(settings: Settings) -> None:
    assert not holds(Course("members", "portfolio", "coin-flip", (0.2, 0.1, 0.05, 0.05, 0.05), 0.0), settings)


def test_trades_are_filled_at_prices_of_their_market(past: History, trades: list[Ended]) -> None:
    for trade in trades:
        bar = past.base[trade.exit.position]
        assert bar.low <= trade.exit.price <= bar.high
        assert trade.exit.time >= trade.entry_time


def test_trades_end_for_more_than_one_reason_and_pay_their_fees(
    past: History, trades: list[Ended], settings: Settings
) -> None:
    assert {trade.exit.reason for trade in trades} >= {"stop", "trailing", "target"}
    for trade in trades:
        risen = past.grid.from_ticks(trade.exit.price - trade.entry) * past.grid.from_lots(trade.lots)
        assert abs(risen - from_money(trade.fees + trade.pnl)) < Decimal("0.001")
        assert float(trade.fees / trade.paid) == pytest.approx(2 * float(settings.taker_fee), rel=0.1)


def test_one_trade_is_held_at_a_time_and_a_seed_gives_the_same_ones(past: History, settings: Settings) -> None:
    once = closed(past, settings)
    assert once == closed(past, settings)
    assert all(earlier.exit_time <= later.entry_time for earlier, later in pairwise(once))
    assert len(once) > 20
