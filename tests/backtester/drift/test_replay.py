"""What is read of a desk's database, and why trades stand alone."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from backtester.drift.books import Books, Held, Said, books, equity_at, roster
from backtester.drift.reasons import Reasons
from backtester.drift.replay import Prices, period
from shared import models
from shared.db import Database
from shared.errors import ConfigError
from shared.timeframes import MINUTE, from_microseconds
from tests.backtester.drift.desk import (
    MARKET,
    SINCE,
    UNTIL,
    refusal,
    row,
    session,
    settings,
    write_market,
    write_trades,
)
from tests.backtester.drift.trades import BTC, START, STEP, live, made

AT = from_microseconds(START)


async def test_the_books_of_a_period_are_read_exactly(database: Database) -> None:
    trade = live(10, late=0.05, requested_at=START + 55 * MINUTE, fees="0.123456789012345678", exit_price="109.99")
    empty = {"entry_price": None, "entry_time": None, "pnl": None}
    bought_nothing = row(live(20, symbol="ETH/USD"), quantity=Decimal(0), **empty)
    unsold = {"exit_price": None, "exit_time": None, "pnl": None}
    still_open = row(live(25, symbol="SOL/USD"), status="open", held=Decimal(2), **unsold)
    async with database.transaction() as connection:
        await write_trades(connection, [trade, live(-1, symbol="ADA/USD"), live(60, symbol="XRP/USD")])
        await connection.execute(insert(models.Trade).values(bought_nothing))
        await connection.execute(insert(models.Trade).values(still_open))
        await connection.execute(insert(models.Refusal).values(refusal(AT, "cash", "nothing is left")))
        await connection.execute(insert(models.CouncilSession).values(session(AT, "HOLD", "0.50 is below 0.56")))
        read = await books(connection, AT, AT + timedelta(minutes=60))
    assert read == Books(
        (trade,),
        (
            Held("ETH/USD", START + 20 * MINUTE, "closed"),
            Held("SOL/USD", START + 25 * MINUTE, "open"),
        ),
        (Said(BTC, START, "refused (cash): nothing is left"),),
        (Said(BTC, START, "the council said HOLD: 0.50 is below 0.56"),),
    )


async def test_weights_are_those_of_the_time(database: Database) -> None:
    later = [("momentum", 0.7, AT), ("momentum", 0.9, AT + timedelta(hours=1)), ("mean_reversion", 0.0, AT)]
    async with database.transaction() as connection:
        await write_market(connection, later)
        before, then = [await roster(connection, AT + timedelta(minutes=minute)) for minute in (-1, 59)]
    assert [(one.name, one.weight) for one in before] == [("mean_reversion", 0.5), ("momentum", 0.5)]
    assert [(one.name, one.weight) for one in then] == [("momentum", 0.7)]


async def test_the_balance_is_the_equity_of_the_time(database: Database) -> None:
    async with database.transaction() as connection:
        assert await equity_at(connection, AT) is None
        account = {"name": "desk", "currency": "USD", "initial_balance": Decimal(5000), "cash": Decimal(1)}
        await connection.execute(insert(models.Account).values(account))
        assert await equity_at(connection, AT) == 5000
        for minute, equity in ((-2, "5100.5"), (-1, "5200.25"), (1, "1")):
            await connection.execute(insert(models.EquityPoint).values(_point(minute, equity)))
        assert await equity_at(connection, AT) == Decimal("5200.25")


def _point(minute: int, equity: str) -> dict[str, Any]:
    money = {"cash": Decimal(0), "positions_value": Decimal(equity), "equity": Decimal(equity), "drawdown": 0.0}
    return {"account": "desk", "time": AT + timedelta(minutes=minute), **money}


async def test_the_plan_is_the_desks_and_its_bars_begin_a_warm_up_earlier(database: Database) -> None:
    async with database.transaction() as connection:
        await write_market(connection)
        known = await period(connection, settings(), SINCE, UNTIL, "vector")
        event = await period(connection, settings(council="rules"), SINCE, UNTIL, "event")
    assert from_microseconds(int(known.markets[BTC].open_time[0])) == SINCE - 602 * timedelta(minutes=5)
    assert from_microseconds(int(event.markets[BTC].open_time[0])) == SINCE - 620 * timedelta(minutes=5)
    assert int(known.markets[BTC].open_time[-1]) == int(MARKET.open_time[-1])
    plan = known.plan
    assert (plan.symbols, plan.timeframe, plan.engine, plan.council) == ((BTC,), "5m", "vector", "none")
    assert plan.weights == {"mean_reversion": 0.5, "momentum": 0.5}
    assert plan.desk["initial_balance"] == "10000"
    assert (event.plan.engine, event.plan.council, event.plan.learning) == ("event", "rules", "off")


@pytest.mark.parametrize(
    ("table", "since", "said"),
    [
        (models.Weight, SINCE, "no strategy of the desk had a weight then"),
        (models.Candle, SINCE, "the desk has no 1m candles of BTC/USD from then on"),
        (None, UNTIL, "the desk has no 1m candles of BTC/USD from then on"),
    ],
)
async def test_what_a_backtest_lacks_is_named(database: Database, table: Any, since: Any, said: str) -> None:
    async with database.transaction() as connection:
        await write_market(connection)
        if table is not None:
            await connection.execute(delete(table))
        with pytest.raises(ConfigError, match=said):
            await _asked(connection, since)


async def _asked(connection: AsyncConnection, since: Any) -> None:
    await period(connection, settings(), since, UNTIL + timedelta(days=1), "vector")


def test_prices_are_opens_within_a_bar_and_the_last_close_in_a_gap() -> None:
    prices = Prices({BTC: MARKET.between(0, 3)}, MINUTE)
    first = int(MARKET.open_time[0])
    assert prices.at(BTC, first - 1) is None
    assert prices.at(BTC, first) == prices.at(BTC, first + MINUTE - 1) == Decimal(repr(float(MARKET.open[0])))
    assert prices.at(BTC, first + MINUTE) == Decimal(repr(float(MARKET.open[1])))
    assert prices.at(BTC, first + 3 * MINUTE) == Decimal(repr(float(MARKET.close[2])))
    assert prices.at("ETH/USD", first) is None


NOTHING = Books((), (), (), ())
REFUSED = Said(BTC, START, "refused (cash): nothing is left")
HELD_BACK = Said(BTC, START, "the council said HOLD: too weak")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (NOTHING, ""),
        (replace(NOTHING, refusals=(REFUSED,), verdicts=(HELD_BACK,)), "refused (cash): nothing is left"),
        (replace(NOTHING, verdicts=(HELD_BACK,)), "the council said HOLD: too weak"),
        (replace(NOTHING, verdicts=(replace(HELD_BACK, time=START - 1),)), "was it running?"),
        (replace(NOTHING, refusals=(replace(REFUSED, symbol="ETH/USD"),)), ""),
        (replace(NOTHING, trades=(live(-30),)), "the desk held BTC/USD from 2023-12-31 23:30 to 2024-01-01 00:30"),
        (replace(NOTHING, others=(Held(BTC, START - STEP, "open"),)), "the desk bought it too, and still holds it"),
        (replace(NOTHING, others=(Held(BTC, START - 9 * STEP, "open"),)), "holds BTC/USD since 2023-12-31 23:15"),
        (replace(NOTHING, others=(Held(BTC, START, "closed"),)), "its order bought nothing"),
        (replace(NOTHING, others=(Held(BTC, START - 9 * STEP, "closed"),)), ""),
    ],
)
def test_why_the_desk_did_not_trade(known: Books, said: str) -> None:
    why = Reasons(known, [], {}, STEP).missing(made(0))
    assert said in why
    assert bool(said) == bool(why)


def test_why_the_backtest_did_not_trade() -> None:
    holding = Reasons(NOTHING, [made(-30)], {}, STEP)
    assert holding.extra(live(0)) == "the backtest held BTC/USD from 2023-12-31 23:30 to 2024-01-01 00:30"
    assert "made no such trade" in holding.extra(live(40))
    assert "still holds BTC/USD" in Reasons(NOTHING, [], {BTC: Decimal(1)}, STEP).extra(live(0))
