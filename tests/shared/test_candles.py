"""The candle store never doubles a bar, says what it changed, and gives windows of closed bars only."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared import candles
from shared.candles import Change, Gap, Stored
from shared.db import Database
from shared.schemas.market import CandleClosed
from shared.timeframes import to_microseconds

START = datetime(2022, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def stored(minute: int, close: float = 101.5, symbol: str = "BTC/USD") -> Stored:
    return Stored(symbol, "1m", START + minute * MINUTE, 100.0, 110.0, 90.0, close, 2.5)


async def everything(database: Database) -> list[Stored]:
    async with database.transaction() as connection:
        return await candles.between(connection, "BTC/USD", "1m", START - timedelta(days=1), START + timedelta(days=99))


async def save(database: Database, rows: Sequence[candles.CandleLike]) -> list[Change]:
    async with database.transaction(durable=False) as connection:
        return await candles.upsert(connection, rows)


@pytest.mark.parametrize("count", [3, candles.COPY_FROM + 3])
async def test_a_bar_is_inserted_once_then_changed_then_left_alone(database: Database, count: int) -> None:
    rows = [stored(minute) for minute in range(count)]
    assert await save(database, rows) == [Change(*row[:3], True) for row in rows]
    assert await save(database, rows) == []
    rows[1] = stored(1, close=99.0)
    assert await save(database, rows) == [Change(*rows[1][:3], False)]
    assert await everything(database) == rows


@pytest.mark.parametrize("count", [3, candles.COPY_FROM + 3])
async def test_of_a_bar_given_twice_the_last_one_counts(database: Database, count: int) -> None:
    rows = [stored(minute) for minute in range(count)]
    await save(database, [*rows, stored(1, close=95.0)])
    assert [row.close for row in await everything(database)][:3] == [101.5, 95.0, 101.5]


async def test_several_bulk_upserts_fit_into_one_transaction(database: Database) -> None:
    rows = [stored(minute) for minute in range(candles.COPY_FROM)]
    async with database.transaction() as connection:
        assert len(await candles.upsert(connection, rows)) == len(rows)
        for changed in ([stored(0, close=95.0), *rows[1:]], rows):
            assert await candles.upsert(connection, changed) == [Change(*rows[0][:3], False)]


@pytest.mark.parametrize("count", [3, candles.COPY_FROM + 3])
async def test_what_is_rolled_back_was_never_there(database: Database, count: int) -> None:
    async def fail_after_saving() -> None:
        async with database.transaction() as connection:
            await candles.upsert(connection, [stored(minute) for minute in range(count)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_after_saving()
    assert await everything(database) == []


async def test_nothing_is_an_answer_too(database: Database) -> None:
    assert await save(database, []) == []


async def test_messages_can_be_stored_as_they_are(database: Database) -> None:
    message = CandleClosed(
        message_id=UUID(int=1),
        occurred_at=START + MINUTE,
        symbol="BTC/USD",
        timeframe="1m",
        open_time=START,
        open=Decimal("100.10"),
        high=Decimal("110"),
        low=Decimal("90"),
        close=Decimal("0.00005330") + 100,
        volume=Decimal("2.5"),
    )
    await save(database, [message])
    (row,) = await everything(database)
    assert Decimal(repr(row.close)) == message.close


async def test_a_window_has_only_what_had_closed_oldest_first(database: Database) -> None:
    await save(database, [stored(minute, close=100.0 + minute) for minute in range(10)])
    async with database.transaction() as connection:
        market = await candles.window(connection, "BTC/USD", "1m", START + 7 * MINUTE, 3)
    assert market.close.tolist() == [104.0, 105.0, 106.0]
    assert market.open_time.tolist() == [to_microseconds(START + minute * MINUTE) for minute in (4, 5, 6)]
    assert market.open_time.dtype == np.int64


async def test_a_bar_that_closes_a_microsecond_later_is_not_in_the_window(database: Database) -> None:
    await save(database, [stored(0), stored(1)])
    async with database.transaction() as connection:
        market = await candles.window(connection, "BTC/USD", "1m", START + 2 * MINUTE - timedelta(microseconds=1), 9)
    assert len(market) == 1


async def test_an_empty_window_has_no_bars(database: Database) -> None:
    async with database.transaction() as connection:
        assert len(await candles.window(connection, "BTC/USD", "1m", START, 5)) == 0


async def test_windows_know_one_symbol_and_timeframe_only(database: Database) -> None:
    other = Stored("BTC/USD", "5m", START, 1.0, 2.0, 1.0, 2.0, 1.0)
    await save(database, [stored(0), stored(0, symbol="ETH/USD"), other])
    async with database.transaction() as connection:
        assert len(await candles.window(connection, "BTC/USD", "1m", START + timedelta(hours=1), 9)) == 1


async def test_a_range_starts_included_ends_excluded_and_is_limited(database: Database) -> None:
    await save(database, [stored(minute) for minute in range(10)])
    async with database.transaction() as connection:
        found = await candles.between(connection, "BTC/USD", "1m", START + 2 * MINUTE, START + 9 * MINUTE, limit=3)
    assert [row.open_time for row in found] == [START + minute * MINUTE for minute in (2, 3, 4)]


async def test_the_newest_bar_of_each_symbol_is_known(database: Database) -> None:
    await save(database, [stored(0), stored(4), stored(2, symbol="ETH/USD")])
    async with database.transaction() as connection:
        newest = await candles.latest(connection, "1m")
    assert newest == {"BTC/USD": START + 4 * MINUTE, "ETH/USD": START + 2 * MINUTE}


@settings(max_examples=25)
@given(present=st.sets(st.integers(0, 14)))
async def test_gaps_are_exactly_the_missing_bars(database: Database, present: set[int]) -> None:
    async with database.transaction() as connection:
        await connection.execute(text("truncate candles"))
        await candles.upsert(connection, [stored(minute) for minute in sorted(present)])
        gaps = await candles.gaps(connection, "BTC/USD", "1m", START, START + 15 * MINUTE)
    missing = {minute for gap in gaps for minute in range(_minute(gap.start), _minute(gap.end))}
    assert missing == set(range(15)) - present
    assert all(gap.start < gap.end for gap in gaps)
    assert all(earlier.end < later.start for earlier, later in pairwise(gaps))


def _minute(moment: datetime) -> int:
    return (moment - START) // MINUTE


async def test_bars_outside_do_not_hide_a_gap(database: Database) -> None:
    await save(database, [stored(0), stored(9)])
    async with database.transaction() as connection:
        gaps = await candles.gaps(connection, "BTC/USD", "1m", START + 2 * MINUTE, START + 5 * MINUTE)
    assert gaps == [Gap(START + 2 * MINUTE, START + 5 * MINUTE)]
