from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import cast

import pytest
from sqlalchemy import insert, select, update

from services.signal_generator.adapters import DatabaseSight, Windows
from services.signal_generator.handlers import Handlers
from shared.db import Database
from shared.errors import Retryable
from shared.ids import derived_id
from shared.models import SentimentLog, Signal, Strategy, Weight
from shared.redis_streams.transaction import BatchTransaction, Transaction
from shared.schemas.market import CandleClosed, CandleRevised
from shared.schemas.signals import SignalGenerated
from shared.seed import seed
from tests.services.delivery import deliver, deliver_in_vain, used_database
from tests.services.signal_generator.market import BAR, BTC, bars, store

TTL = timedelta(minutes=2)
HISTORY = 640


def handlers(hold: list[int] | None = None) -> Handlers:
    epochs = hold or [1]
    return Handlers("5m", TTL, DatabaseSight(Windows(BAR, lambda symbol: epochs[-1])), {BTC})


async def ask(database: Database, own: Handlers, candle: CandleClosed) -> SignalGenerated:
    (generated,) = await deliver(database, own.on_candle_closed, candle)
    return cast(SignalGenerated, generated)


@pytest.fixture
async def desk(database: Database) -> Database:
    """Seeded, with 640 stored bars."""
    async with database.transaction() as connection:
        await seed(connection)
    await store(database, bars(HISTORY))
    return database


async def change(database: Database, *statements: object) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement)  # type: ignore[call-overload]


def revised(candle: CandleClosed, close: Decimal) -> CandleRevised:
    values = candle.model_dump(exclude={"kind", "message_id", "close", "high", "low"})
    return CandleRevised(
        **values,
        message_id=derived_id("CandleRevised", candle.message_id),
        close=close,
        high=max(candle.high, close),
        low=min(candle.low, close),
    )


async def test_bars_of_other_timeframes_cost_nothing(database: Database) -> None:
    candle = bars(1)[0].model_copy(update={"timeframe": "1m"})
    assert await deliver(database, handlers().on_candle_closed, candle) == []
    assert not await used_database(database, handlers().on_candle_closed, candle)


async def test_a_symbol_that_is_not_traded_any_more_gives_no_signal(desk: Database) -> None:
    candle = bars(1, symbol="ETH/USD")[0]
    assert await deliver(desk, handlers().on_candle_closed, candle) == []
    assert not await used_database(desk, handlers().on_candle_closed, candle)


async def test_a_kept_window_says_what_a_fresh_one_says(desk: Database) -> None:
    keeping, closed = handlers(), bars(HISTORY)[-12:]
    signals = [await ask(desk, keeping, candle) for candle in closed]
    assert signals == [await ask(desk, handlers(), candle) for candle in closed]
    assert any(part.score for generated in signals for part in generated.contributions)


async def test_a_signal_is_kept_once_however_often_its_candle_comes(desk: Database) -> None:
    own, candle = handlers(), bars(HISTORY)[-1]
    first = await ask(desk, own, candle)
    assert await ask(desk, own, candle) == first
    async with desk.transaction() as connection:
        row = (await connection.execute(select(Signal))).one()
    assert (row.id, row.score, row.price) == (first.message_id, first.score, candle.close)
    assert row.contributions == [part.model_dump() for part in first.contributions]
    assert row.technicals == first.technicals.model_dump()


async def test_a_batch_rolled_back_and_repeated_one_by_one_says_the_same(desk: Database) -> None:
    closed = bars(HISTORY)[-4:]
    expected = [await ask(desk, handlers(), candle) for candle in closed]
    own = handlers()
    await deliver_in_vain(desk, own.on_candle_closed, closed)
    assert [await ask(desk, own, candle) for candle in closed] == expected


async def test_an_older_candle_after_newer_ones_is_scored_as_of_its_own_close(desk: Database) -> None:
    own, closed = handlers(), bars(HISTORY)
    early = await ask(desk, handlers(), closed[-6])
    await ask(desk, own, closed[-1])
    assert await ask(desk, own, closed[-6]) == early
    assert await ask(desk, own, closed[-5]) == await ask(desk, handlers(), closed[-5])


async def test_bars_that_the_instance_did_not_hear_are_read_from_the_table(desk: Database) -> None:
    own, closed = handlers(), bars(HISTORY)
    await ask(desk, own, closed[-5])
    assert await ask(desk, own, closed[-1]) == await ask(desk, handlers(), closed[-1])


async def test_a_hole_in_the_market_is_bridged(desk: Database) -> None:
    closed = bars(HISTORY + 5)
    own, after_hole = handlers(), closed[HISTORY + 3 :]
    await store(desk, after_hole)
    await ask(desk, own, closed[HISTORY - 1])
    assert [await ask(desk, own, candle) for candle in after_hole] == [
        await ask(desk, handlers(), candle) for candle in after_hole
    ]


async def test_a_revised_candle_is_seen_from_the_next_bar_on(desk: Database) -> None:
    own, closed = handlers(), bars(HISTORY)
    before = await ask(desk, handlers(), closed[-1])
    await ask(desk, own, closed[-2])
    correction = revised(closed[-2], closed[-2].close + 900)
    await store(desk, [cast(CandleClosed, correction)])
    assert await deliver(desk, own.on_candle_revised, correction) == []
    after = await ask(desk, own, closed[-1])
    assert after == await ask(desk, handlers(), closed[-1])
    assert after.technicals != before.technicals


async def test_a_revision_of_another_timeframe_keeps_the_window(desk: Database) -> None:
    own, closed = handlers(), bars(HISTORY)
    await ask(desk, own, closed[-2])
    expected = await ask(desk, handlers(), closed[-1])
    correction = revised(closed[-2], closed[-2].close + 900).model_copy(update={"timeframe": "1m"})
    await store(desk, [cast(CandleClosed, revised(closed[-2], closed[-2].close + 900))])
    await deliver(desk, own.on_candle_revised, correction)
    assert await ask(desk, own, closed[-1]) == expected


async def test_a_window_that_others_may_have_had_revised_is_read_again(desk: Database) -> None:
    hold = [1]
    own, closed = handlers(hold), bars(HISTORY)
    await ask(desk, own, closed[-2])
    await store(desk, [cast(CandleClosed, revised(closed[-2], closed[-2].close + 900))])
    hold.append(3)
    assert await ask(desk, own, closed[-1]) == await ask(desk, handlers(), closed[-1])


async def test_a_strategy_that_needs_more_bars_gets_them(desk: Database) -> None:
    windows, closed = Windows(BAR), bars(HISTORY)
    async with BatchTransaction(desk, "test", [], durable=False) as batch:
        sizes = [
            len(await windows.including(Transaction(batch, candle), candle, size))
            for candle, size in zip(closed[-4:], (30, 30, 50, 40), strict=True)
        ]
    assert sizes == [30, 30, 50, 40]


async def test_weights_count_as_of_the_close_and_are_shared_out_among_the_active(desk: Database) -> None:
    candle = bars(HISTORY)[-1]
    at = candle.occurred_at
    await change(
        desk,
        update(Strategy).where(Strategy.name == "news_driven").values(is_active=False),
        insert(Weight).values(scope="strategies", name="momentum", effective_from=at, weight=0.4, reason="test"),
        insert(Weight).values(
            scope="strategies",
            name="swing",
            effective_from=at + timedelta(microseconds=1),
            weight=0.9,
            reason="too late for this bar",
        ),
        insert(Weight).values(scope="members", name="breakout", effective_from=at, weight=0.9, reason="another scope"),
    )
    generated = await ask(desk, handlers(), candle)
    assert {part.strategy: part.weight for part in generated.contributions} == {
        "breakout": 0.2,
        "mean_reversion": 0.2,
        "momentum": 0.4,
        "swing": 0.2,
    }


async def test_parameters_of_the_table_act_on_the_next_bar(desk: Database) -> None:
    own, closed = handlers(), bars(HISTORY)
    assert news_part(await ask(desk, own, closed[99])) == (0.0, "news_driven is silent: no sentiment is known")
    patient = update(Strategy).where(Strategy.name == "news_driven").values(parameters={"compared_bars": 400})
    await change(desk, patient)
    assert news_part(await ask(desk, own, closed[100])) == (0.0, "warming up: 101 of 401 bars")


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (update(Strategy).where(Strategy.name == "swing").values(parameters={"adx_min": -1}), "swing.*adx_min"),
        (insert(Strategy).values(name="astrology", description="", parameters={}, is_active=True), "astrology"),
        (update(Weight).values(weight=0.0), "no active strategy has a weight"),
    ],
)
async def test_strategies_that_cannot_run_stop_the_loop_and_say_why(
    desk: Database, statement: object, named: str
) -> None:
    await change(desk, statement)
    with pytest.raises(Retryable, match=named):
        await ask(desk, handlers(), bars(HISTORY)[-1])


async def news(database: Database, scores: Sequence[tuple[datetime, float]], symbol: str = BTC) -> None:
    rows = [
        {
            "id": derived_id("SentimentLog", symbol, known_at, score),
            "symbol": symbol,
            "source": "test",
            "scorer": "test",
            "score": score,
            "probability": 1.0,
            "known_at": known_at,
        }
        for known_at, score in scores
    ]
    await change(database, insert(SentimentLog).values(rows))


def news_part(generated: SignalGenerated) -> tuple[float, str]:
    (part,) = [part for part in generated.contributions if part.strategy == "news_driven"]
    return part.score, part.reason


async def test_sentiment_known_five_seconds_before_the_close_speaks(desk: Database) -> None:
    candle = bars(HISTORY)[-1]
    await news(desk, [(candle.occurred_at - timedelta(seconds=5), 0.5)])
    score, reason = news_part(await ask(desk, handlers(), candle))
    assert score == pytest.approx(0.3)
    assert "sentiment +0.50" in reason


@pytest.mark.parametrize("age", [timedelta(seconds=4.9), timedelta(hours=6, seconds=5)])
async def test_sentiment_too_fresh_or_too_old_is_not_known(desk: Database, age: timedelta) -> None:
    candle = bars(HISTORY)[-1]
    await news(desk, [(candle.occurred_at - age, 0.5)])
    await news(desk, [(candle.occurred_at - timedelta(minutes=1), 0.9)], symbol="ETH/USD")
    assert news_part(await ask(desk, handlers(), candle)) == (0.0, "news_driven is silent: no sentiment is known")


async def test_every_bar_has_the_sentiment_of_its_own_close(desk: Database) -> None:
    candle = bars(HISTORY)[-1]
    known = candle.occurred_at - 3 * BAR
    await news(desk, [(known, -0.2), (candle.occurred_at - timedelta(minutes=1), 0.8)])
    _, reason = news_part(await ask(desk, handlers(), candle))
    # now the mean of both, 0.3; before it -0.2 at the two closes more than 5 s after the first score was known
    assert "sentiment +0.30, change +0.50" in reason
