"""Equity marked to the bid, and the guard on what may be lost."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import delete, insert, text, update

from services.position_manager.adapters import Accounts
from services.position_manager.core.drawdown import Equity, Holding, Standing, equity_of, is_beyond
from shared.db import Database
from shared.errors import Retryable
from shared.ids import derived_id
from shared.models import Account, Audit, EquityPoint, SystemConfig
from shared.schemas.base import Message
from shared.schemas.orders import ExitRequested
from shared.schemas.system import AlertRaised, TradingHalted
from tests.services.position_manager.desk import BTC, Desk, at, bars

LIMIT = Decimal("0.2")


@pytest.fixture
async def desk(database: Database) -> Desk:
    """10 BTC at 100 and 7,500 in cash: 20 % of 10,000 are lost at a bid of 50."""
    made = Desk(database)
    await made.opens_account(cash="7500")
    await made.buys()
    return made


def kinds(said: list[Message]) -> list[str]:
    return [type(message).__name__ for message in said]


def worth(equity: str, initial: str = "10000") -> Equity:
    return Equity("desk", Decimal(initial), Decimal(equity), Decimal(0), Decimal(equity), 0.0)


@pytest.mark.parametrize(
    ("equity", "initial", "beyond"),
    [
        ("8000", "10000", False),
        ("7999.9999999999", "10000", True),
        ("7999.99999999999999", "10000", True),
        ("8000.00000000000001", "10000", False),
        ("10001", "10000", False),
        ("0.8000000000", "1", False),
    ],
)
def test_exactly_the_limit_does_nothing(equity: str, initial: str, beyond: bool) -> None:
    assert is_beyond(worth(equity, initial), LIMIT) is beyond


@given(
    cash=st.decimals(0, 10**7, places=4),
    held=st.decimals("0.00000001", 10**6, places=8),
    bid=st.decimals("0.0000000001", 10**5, places=10),
)
@example(cash=Decimal("0.1"), held=Decimal("999999.99999999"), bid=Decimal("99999.9999999999"))
def test_equity_is_exact(cash: Decimal, held: Decimal, bid: Decimal) -> None:
    holding = Holding(derived_id("Trade", 1), BTC, held, None, True)
    equity = equity_of(Standing("desk", Decimal(10_000), cash, (holding,)), {BTC: bid}).equity
    assert Fraction(equity) == Fraction(cash) + Fraction(held) * Fraction(bid)
    assert is_beyond(worth(str(equity)), LIMIT) == (10_000 - Fraction(equity) > 2_000)


async def test_equity_point_at_each_close_of_the_decision_timeframe(desk: Desk) -> None:
    assert await desk.hears(bars(4, "1m", BTC="99"), bars(5, "1m", BTC="101"), bars(5, BTC="101")) == []
    columns = (
        EquityPoint.time,
        EquityPoint.cash,
        EquityPoint.positions_value,
        EquityPoint.equity,
        EquityPoint.drawdown,
    )
    assert await desk.rows(*columns) == [(at(5), 7500, 1010, 8510, 0.149)]


async def test_base_bar_costs_no_transaction(desk: Desk) -> None:
    await desk.hears(bars(4, "1m", BTC="99"))
    assert not desk.used


async def test_database_that_went_away_is_asked_again(desk: Desk, database_url: str) -> None:
    await desk.hears(bars(4, "1m", BTC="99"))
    other = Database(database_url)
    async with other.transaction() as connection:
        others = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
        await connection.execute(text(f"{others} and datname = current_database()"))
    await other.close()
    with pytest.raises(Retryable):
        await Accounts(desk.database).glance()
    assert (await Accounts(desk.database).glance()).standings[0].cash == 7500


async def test_database_that_is_not_there_is_waited_for() -> None:
    with pytest.raises(Retryable):
        await Accounts(Database("postgresql://nobody@127.0.0.1:1/none")).glance()


async def test_the_same_instant_again_keeps_the_first_point(desk: Desk) -> None:
    await desk.hears(bars(5, BTC="101"))
    await desk.forgets_what_was_handled()
    await desk.hears(bars(5, BTC="99"))
    assert await desk.rows(EquityPoint.equity) == [(8510,)]


async def test_other_timeframes_are_passed_over(desk: Desk) -> None:
    assert await desk.hears(bars(15, "15m", BTC="1")) == []
    assert await desk.rows(EquityPoint.time) == []


async def test_symbol_without_a_mark_keeps_its_last_or_its_entry_price(desk: Desk) -> None:
    await desk.hears(bars(5, ETH="10"), bars(10, BTC="90"), bars(15, ETH="10"))
    assert await desk.rows(EquityPoint.positions_value) == [(1000,), (900,), (900,)]


async def test_exactly_a_fifth_lost_halts_nothing(desk: Desk) -> None:
    assert await desk.hears(bars(5, BTC="50")) == []
    assert await desk.hears(bars(6, "1m", BTC="50")) == []
    assert await desk.rows(SystemConfig.is_trading_active) in ([], [(True,)])


@pytest.mark.parametrize("timeframe", ["1m", "5m"])
async def test_more_than_a_fifth_lost_closes_everything_and_disables_buying(desk: Desk, timeframe: str) -> None:
    other = await desk.buys("ETH/USD", entry="1", held="0", status="opening", with_stop=False)
    said = await desk.hears(bars(5, timeframe, BTC="49.9"))
    assert kinds(said) == ["TradingHalted", "AlertRaised", "ExitRequested", "ExitRequested"]
    halted, alert, *exits = said
    assert isinstance(halted, TradingHalted)
    assert "7999" in halted.reason
    assert isinstance(alert, AlertRaised)
    assert (alert.severity, alert.code) == ("critical", "drawdown")
    assert {(e.reason, e.symbol) for e in exits if isinstance(e, ExitRequested)} == {
        ("drawdown", BTC),
        ("drawdown", "ETH/USD"),
    }
    assert other in {e.trade_id for e in exits if isinstance(e, ExitRequested)}
    assert await desk.rows(SystemConfig.is_trading_active, SystemConfig.system_status) == [(False, "ACTIVE")]
    assert await desk.rows(Audit.who, Audit.action, Audit.time) == [("position_manager", "halt", at(5))]
    assert await desk.rows(EquityPoint.time, EquityPoint.equity) == [(at(5), 7999)]


async def test_halted_desk_is_not_halted_again_but_open_trades_are_asked_for(desk: Desk) -> None:
    trade_id = await desk.buys("ETH/USD", entry="1", held="1")
    await desk.hears(bars(5, "1m", BTC="49", ETH="1"))
    await desk.changes(trade_id, exit_requested_at=at(5))
    said = await desk.hears(bars(6, "1m", BTC="49"))
    assert [(type(m).__name__, m.symbol) for m in said if isinstance(m, ExitRequested)] == [("ExitRequested", BTC)]
    assert len(said) == 1
    assert len(await desk.rows(Audit.id)) == 1
    assert len(await desk.rows(EquityPoint.time)) == 1


async def test_halted_and_flat_says_nothing_more(desk: Desk) -> None:
    trade_id = (await desk.hears(bars(5, "1m", BTC="49")))[2]
    assert isinstance(trade_id, ExitRequested)
    await desk.changes(trade_id.trade_id, status="closed", held=0)
    await desk.write(update(Account).values(cash=Decimal(7990)))
    assert await desk.hears(bars(6, "1m", BTC="49"), bars(10, BTC="49")) == []


async def test_enabled_by_hand_while_too_much_is_lost_halts_again(desk: Desk) -> None:
    await desk.hears(bars(5, "1m", BTC="49"))
    await desk.write(update(SystemConfig).values(is_trading_active=True))
    assert kinds(await desk.hears(bars(6, "1m", BTC="49")))[:2] == ["TradingHalted", "AlertRaised"]


async def test_buying_disabled_by_hand_does_not_silence_the_guard(desk: Desk) -> None:
    await desk.hears(bars(4, "1m", BTC="100"))
    await desk.write(delete(SystemConfig), insert(SystemConfig).values(is_trading_active=False, reason="holiday"))
    assert kinds(await desk.hears(bars(5, "1m", BTC="49")))[0] == "TradingHalted"


async def test_halt_whose_messages_may_be_lost_asks_the_transaction(desk: Desk) -> None:
    """The first time everything was lost after the database's commit; by now the price has recovered."""
    halted = await desk.hears(bars(5, "1m", BTC="49"))
    assert await desk.hears(bars(5, "1m", BTC="100")) == halted


async def test_no_account_yet_is_no_equity(database: Database) -> None:
    desk = Desk(database)
    assert await desk.hears(bars(4, "1m", BTC="1"), bars(5, BTC="1")) == []
    assert await desk.rows(EquityPoint.time) == []
