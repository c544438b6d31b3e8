"""Every question, asked of a small history on a real database."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db import Database
from shared.ids import derived_id
from shared.models import Account, Candle, CouncilSession, Fill, Order, Refusal, SystemConfig, Trade
from shared.reports import queries
from tests.shared.reports.books import CLOSED, OPEN, at, fill, order, session, write


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[AsyncConnection]:
    async with database.transaction() as open_connection:
        yield open_connection


@pytest.fixture
async def books(connection: AsyncConnection) -> AsyncConnection:
    await write(connection)
    return connection


async def test_empty_desk_answers_everything(connection: AsyncConnection) -> None:
    found = await queries.status(connection)
    assert found.portfolio is None
    assert found.may_enter
    assert "No signal has reached the council yet" in found.why_no_trade.sentence
    assert await queries.positions(connection) == []
    assert await queries.trades(connection) == []
    assert await queries.trade(connection, OPEN) is None
    assert await queries.session(connection, OPEN) is None


async def test_position_is_marked_to_the_newest_closed_candle(books: AsyncConnection) -> None:
    (position,) = await queries.positions(books)
    assert (position.trade_id, position.mark, position.marked_at) == (OPEN, Decimal("104.25"), at(9))
    assert (position.value, position.pnl) == (Decimal("208.50"), Decimal("7.00"))
    assert position.pnl_fraction == pytest.approx(7 / 201)
    assert position.stop is not None
    assert (position.stop_price, position.stop.kind, position.stop.version) == (Decimal(95), "trailing", 3)
    assert await queries.positions(books, symbol="ETH/USD") == []


async def test_position_without_a_candle_has_no_value_rather_than_a_guess(books: AsyncConnection) -> None:
    await books.execute(delete(Candle))
    (position,) = await queries.positions(books)
    assert (position.mark, position.value, position.pnl) == (None, None, None)
    money = await queries.portfolio(books)
    assert money is not None
    assert (money.equity, money.drawdown, money.positions_value) == (None, None, None)


async def test_portfolio_adds_up(books: AsyncConnection) -> None:
    money = await queries.portfolio(books)
    assert money is not None
    assert (money.positions_value, money.equity) == (Decimal("208.50"), Decimal("898.75"))
    assert money.drawdown == pytest.approx(0.10125)
    assert (money.realised_pnl, money.fees, money.trades_closed) == (Decimal("-10.75"), Decimal("1.0"), 1)


async def test_equity_less_the_beginning_is_the_realised_result_and_the_shown_one(books: AsyncConnection) -> None:
    # as the ledger books it: the closed trade's result, the purchase with its fee, a part sold again with its fee
    await books.execute(insert(Order), [order("exit-7", OPEN, 7, purpose="exit", side="sell")])
    await books.execute(insert(Fill), [fill("exit-7", OPEN, 7, "sell", "51.25")])
    await books.execute(update(Trade).where(Trade.id == OPEN).values(held=Decimal("1.5"), fees=Decimal("0.63")))
    cash = Decimal(1000) - Decimal("10.75") - Decimal(201) + Decimal("51.25") - Decimal("0.63")
    await books.execute(update(Account).values(cash=cash))
    money = await queries.portfolio(books)
    assert money is not None
    assert money.equity is not None
    (position,) = money.positions
    assert position.pnl is not None
    assert money.equity - money.initial_balance == money.realised_pnl + position.pnl


async def test_gain_is_no_drawdown(books: AsyncConnection) -> None:
    await books.execute(update(Account).values(cash=Decimal(5000)))
    money = await queries.portfolio(books)
    assert money is not None
    assert money.drawdown == 0


async def test_trades_by_filter_and_page(books: AsyncConnection) -> None:
    everything = await queries.trades(books)
    assert [row.id for row in everything] == [OPEN, CLOSED]
    assert everything[1].pnl == Decimal("-10.75")
    assert [row.id for row in await queries.trades(books, status="closed")] == [CLOSED]
    assert [row.id for row in await queries.trades(books, symbol="BTC/USD")] == [OPEN]
    assert [row.id for row in await queries.trades(books, exit_reason="stop")] == [CLOSED]
    assert [row.id for row in await queries.trades(books, since=at(5))] == [OPEN]
    assert [row.id for row in await queries.trades(books, until=at(5))] == [CLOSED]
    assert [row.id for row in await queries.trades(books, page=queries.Page(1, 1))] == [CLOSED]
    found = await queries.trade(books, CLOSED)
    assert found is not None
    assert found.contributions == [{"strategy": "momentum", "score": 0.5}]


async def test_orders_by_filter(books: AsyncConnection) -> None:
    assert [row.client_order_id for row in await queries.orders(books)] == ["stop-5", "entry-5"]
    assert [row.client_order_id for row in await queries.orders(books, purpose="stop")] == ["stop-5"]
    assert [row.client_order_id for row in await queries.orders(books, state="filled")] == ["entry-5"]
    assert await queries.orders(books, trade_id=CLOSED) == []


async def test_session_carries_every_vote_also_abstentions(books: AsyncConnection) -> None:
    hold, buy = await queries.sessions(books)
    assert (hold.verdict, buy.verdict, buy.votes) == ("HOLD", "BUY", ())
    assert [(vote.member, vote.probability) for vote in hold.votes] == [("portfolio", 0.5), ("sentiment", None)]
    assert await queries.session(books, hold.id) == hold
    assert await queries.sessions(books, verdict="SELL") == []


async def test_signals_by_least_score_in_either_direction(books: AsyncConnection) -> None:
    assert [row.score for row in await queries.signals(books)] == [0.1, -0.4]
    assert [row.score for row in await queries.signals(books, least_score=0.3)] == [-0.4]


async def test_weights_now_and_ever(books: AsyncConnection) -> None:
    (momentum,) = await queries.strategies(books)
    assert (momentum.weight, momentum.effective_from) == (0.3, at(4))
    assert [row.weight for row in await queries.weights(books, name="momentum")] == [0.3, 0.2]
    assert [row.name for row in await queries.weights_now(books, "members")] == ["sentiment"]


async def test_candles_are_the_newest_oldest_first(books: AsyncConnection) -> None:
    assert [row.close for row in await queries.candles(books, "BTC/USD", "1m")] == [103, 104.25]
    assert [row.close for row in await queries.candles(books, "BTC/USD", "1m", limit=1)] == [104.25]
    assert [row.close for row in await queries.candles(books, "BTC/USD", "1m", end=at(9))] == [103]
    assert [row.close for row in await queries.candles(books, "BTC/USD", "5m", start=at(5))] == [101]
    assert await queries.is_known(books, "BTC/USD")
    assert not await queries.is_known(books, "BTC/EUR")


async def test_equity_points(books: AsyncConnection) -> None:
    (point,) = await queries.equity(books)
    assert (point.time, point.equity, point.drawdown) == (at(10), Decimal("898.25"), 0.10175)
    assert await queries.equity(books, until=at(10)) == []


async def lines(connection: AsyncConnection) -> list[str]:
    return [line.sentence for line in (await queries.why_no_trade(connection)).symbols]


async def test_every_symbol_has_a_line_and_the_most_telling_is_first(books: AsyncConnection) -> None:
    vetoed = session("DOT/USD", 10, "HOLD", "vetoed by portfolio: too much of it") | {"vetoed_by": ["portfolio"]}
    near = session("LTC/USD", 10, "HOLD", "score +0.300 is below 0.350") | {"score": 0.3}
    far = session("ADA/USD", 10, "HOLD", "score +0.100 is below 0.350")
    sell = session("SOL/USD", 10, "SELL", "mean 0.300 is at or below 0.350")
    for row in (vetoed, near, far, sell):
        await books.execute(insert(CouncilSession).values(row))
    assert await lines(books) == [
        "ETH/USD 09:05 BUY refused by risk (cash): the free cash buys nothing [free_cash 3]",
        "DOT/USD 09:10 HOLD: vetoed by portfolio: too much of it",
        "LTC/USD 09:10 HOLD: score +0.300 is below 0.350",
        "ADA/USD 09:10 HOLD: score +0.100 is below 0.350",
        "SOL/USD 09:10 SELL, nothing held: mean 0.300 is at or below 0.350",
        "BTC/USD: the trade is open, since 09:05",
    ]
    why = await queries.why_no_trade(books)
    assert why.sentence == why.symbols[0].sentence
    assert why.last_refusal is not None
    assert why.last_refusal.figures == [{"name": "free_cash", "value": "3"}]
    assert why.last_hold == why.last_session


async def test_a_later_verdict_ends_a_refusal(books: AsyncConnection) -> None:
    await books.execute(insert(CouncilSession).values(session("ETH/USD", 10, "HOLD", "score +0.100 is below 0.350")))
    assert (await lines(books))[0] == "ETH/USD 09:10 HOLD: score +0.100 is below 0.350"


async def test_where_every_symbol_is_held_nothing_is_missing(books: AsyncConnection) -> None:
    await books.execute(delete(Refusal))
    await books.execute(delete(CouncilSession).where(CouncilSession.symbol != "BTC/USD"))
    assert (await queries.why_no_trade(books)).sentence == "Every symbol has an open trade."


async def test_a_buy_says_what_became_of_it(books: AsyncConnection) -> None:
    await books.execute(delete(Refusal))
    assert (await lines(books))[0] == "ETH/USD 09:05 BUY, no order yet"
    await books.execute(
        update(Trade).where(Trade.id == CLOSED).values(decision_id=derived_id("CouncilDecided", "ETH/USD", 5))
    )
    assert (await lines(books))[0] == "ETH/USD 09:05 BUY, bought, and closed at 09:03 (stop)"


async def test_a_symbol_that_is_not_traded_any_more_is_left_out(books: AsyncConnection) -> None:
    await books.execute(insert(CouncilSession).values(session("DOT/USD", 10 - 24 * 60 - 1, "HOLD", "long ago")))
    assert not any("DOT" in line for line in await lines(books))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"system_status": "PAUSED", "reason": "lunch"}, "The desk is paused: lunch"),
        ({"is_trading_active": False}, "Buying is disabled until a person enables it: is_trading_active is false"),
    ],
)
async def test_switched_off_comes_before_any_other_reason(
    books: AsyncConnection, flags: dict[str, object], words: str
) -> None:
    await books.execute(delete(SystemConfig))
    await books.execute(insert(SystemConfig).values(**flags))
    found = await queries.status(books)
    assert not found.may_enter
    assert found.why_no_trade.sentence == words


async def test_status_in_json_has_money_as_strings(books: AsyncConnection) -> None:
    found = (await queries.status(books)).model_dump(mode="json")
    assert found["portfolio"]["equity"] == "898.75"
    assert found["portfolio"]["positions"][0]["stop"]["price"] == "95"
    assert (found["open_positions"], found["last_candle_at"]) == (1, "2026-01-05T09:09:00Z")
