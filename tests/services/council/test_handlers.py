from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from sqlalchemy import delete, func, insert, select

from services.council.adapters import DatabaseRecords
from services.council.case import Case
from services.council.handlers import Handlers
from services.council.main import members, rules
from services.council.members.base import Member, Opinion
from shared.config import load_settings
from shared.db import Database
from shared.errors import Retryable
from shared.ids import derived_id
from shared.models import CouncilSession, CouncilVote, EquityPoint, SentimentLog, Trade, Weight
from shared.schemas.council import CouncilDecided
from shared.schemas.signals import SignalGenerated
from shared.seed import seed
from tests.services.council.cases import BTC, NOON, RISING, signal
from tests.services.delivery import deliver

BAR = timedelta(minutes=5)
MOMENT = timedelta(microseconds=1)
SETTINGS = load_settings(database_url="", redis_url="")


class Witness:
    """A member that remembers the case it saw, and always says the same."""

    name = "portfolio"

    def __init__(self) -> None:
        self.case: Case | None = None

    async def vote(self, case: Case) -> Opinion:
        self.case = case
        return Opinion(0.5, "seen")


def council(voting: Sequence[Member] | None = None) -> Handlers:
    return Handlers(members(SETTINGS) if voting is None else voting, rules(SETTINGS), DatabaseRecords("desk", BAR))


async def decided(database: Database, about: SignalGenerated, own: Handlers | None = None) -> CouncilDecided:
    (message,) = await deliver(database, (own or council()).on_signal_generated, about)
    return cast(CouncilDecided, message)


async def seen(database: Database, about: SignalGenerated) -> Case:
    witness = Witness()
    await decided(database, about, council([witness]))
    assert witness.case is not None
    return witness.case


@pytest.fixture
async def desk(database: Database) -> Database:
    async with database.transaction() as connection:
        await seed(connection)
    return database


async def change(database: Database, *statements: Any) -> None:
    async with database.transaction() as connection:
        for statement in statements:
            await connection.execute(statement)


def trade(
    entered: datetime | None,
    left: datetime | None = None,
    pnl: int | None = None,
    symbol: str = BTC,
    account: str = "desk",
) -> Any:
    return insert(Trade).values(
        id=derived_id("Trade", account, symbol, entered, left),
        account=account,
        symbol=symbol,
        timeframe="5m",
        decision_id=derived_id("CouncilDecided", entered),
        status="opening" if entered is None else "closed" if left else "open",
        order_id="x",
        decided_at=NOON - timedelta(days=3),
        entry_time=entered,
        exit_time=left,
        pnl=pnl,
        score=0.5,
        contributions=[],
        votes=[],
    )


def equity(at: datetime, amount: int, drawdown: float, account: str = "desk") -> Any:
    value = Decimal(amount)
    return insert(EquityPoint).values(
        account=account, time=at, cash=value, positions_value=0, equity=value, drawdown=drawdown
    )


def mood(known_at: datetime, score: float) -> Any:
    return insert(SentimentLog).values(
        id=derived_id("SentimentLog", known_at, score),
        symbol=BTC,
        source="test",
        scorer="test",
        score=score,
        probability=1.0,
        known_at=known_at,
    )


async def test_a_good_case_is_bought_and_recorded_with_every_vote(desk: Database) -> None:
    await change(desk, equity(NOON - BAR, 10_000, 0.0))
    message = await decided(desk, signal(0.5))
    assert (message.verdict, message.quorum) == ("BUY", True)
    assert [vote.member for vote in message.votes] == [
        "mean_reversion",
        "portfolio",
        "sentiment",
        "technical_trend",
        "volatility",
    ]
    async with desk.transaction() as connection:
        session = (await connection.execute(select(CouncilSession))).one()
        kept = (await connection.execute(select(CouncilVote).order_by(CouncilVote.member))).all()
    assert (session.id, session.signal_id, session.time) == (message.message_id, message.signal_id, NOON)
    assert (session.verdict, session.probability, session.reason) == ("BUY", message.probability, message.reason)
    assert [(v.member, v.weight, v.probability, v.veto, v.reason) for v in kept] == [
        (v.member, v.weight, v.probability, v.veto, v.reason) for v in message.votes
    ]


async def test_a_signal_heard_twice_is_decided_the_same_and_recorded_once(desk: Database) -> None:
    assert await decided(desk, signal()) == await decided(desk, signal(), council())
    async with desk.transaction() as connection:
        counts = [
            (await connection.execute(select(func.count()).select_from(t))).scalar_one()
            for t in (CouncilSession, CouncilVote)
        ]
    assert counts == [1, 5]


async def test_a_signal_of_nothing_gets_its_decision_too(desk: Database) -> None:
    await change(desk, equity(NOON - BAR, 10_000, 0.0))
    message = await decided(desk, signal(0.0))
    assert (message.verdict, len(message.votes)) == ("HOLD", 5)


async def test_the_beginning_of_a_market_misses_the_quorum(desk: Database) -> None:
    bare = RISING.model_copy(update={"ema200": None, "atr14": None, "volatility_pct": None})
    message = await decided(desk, signal(0.9, bare))
    assert (message.verdict, message.quorum, message.atr) == ("HOLD", False, None)


async def test_without_a_council_the_score_decides_and_is_recorded(desk: Database) -> None:
    lone = load_settings(database_url="", redis_url="", council="none")
    message = await decided(desk, signal(0.5), council(members(lone)))
    assert (message.verdict, message.votes, message.probability) == ("BUY", (), None)
    async with desk.transaction() as connection:
        assert (await connection.execute(select(CouncilSession.verdict))).scalars().all() == ["BUY"]


async def test_a_trade_entered_at_the_instant_itself_is_not_known_yet(desk: Database) -> None:
    await change(desk, trade(NOON))
    assert (await seen(desk, signal())).portfolio.held_since is None
    case = await seen(desk, signal(at=NOON + MOMENT))
    assert (case.portfolio.held_since, case.portfolio.open_trades) == (NOON, 1)


async def test_a_trade_left_at_the_instant_itself_is_still_held(desk: Database) -> None:
    await change(desk, trade(NOON - BAR, NOON, pnl=-70))
    at_exit, after = (
        (await seen(desk, signal(at=NOON))).portfolio,
        (await seen(desk, signal(at=NOON + MOMENT))).portfolio,
    )
    assert (at_exit.held_since, at_exit.day_pnl) == (NOON - BAR, Decimal(0))
    assert (after.held_since, after.day_pnl) == (None, Decimal(-70))


async def test_an_entry_that_is_not_filled_is_not_held(desk: Database) -> None:
    await change(desk, trade(None))
    assert (await seen(desk, signal())).portfolio.open_trades == 0


async def test_another_symbol_counts_as_open_but_not_as_held(desk: Database) -> None:
    await change(desk, trade(NOON - BAR, symbol="ETH/USD"))
    case = await seen(desk, signal())
    assert (case.portfolio.open_trades, case.portfolio.held_since) == (1, None)


async def test_another_account_is_nobodys_business(desk: Database) -> None:
    await change(
        desk,
        equity(NOON - 2 * BAR, 10_000, 0.0),
        equity(NOON - BAR, 1, 0.9, account="other"),
        trade(NOON - BAR, account="other"),
        trade(NOON - 3 * BAR, NOON - BAR, pnl=-500, account="other"),
    )
    portfolio = (await seen(desk, signal())).portfolio
    assert (portfolio.equity, portfolio.open_trades, portfolio.held_since, portfolio.day_pnl) == (10_000, 0, None, 0)


async def test_the_day_of_the_loss_is_the_utc_day(desk: Database) -> None:
    midnight = NOON.replace(hour=0)
    await change(
        desk,
        trade(midnight - 2 * BAR, midnight - MOMENT, pnl=-1000),
        trade(midnight - BAR, midnight, pnl=-30),
        trade(midnight, midnight + BAR, pnl=5),
    )
    assert (await seen(desk, signal())).portfolio.day_pnl == -25


async def test_equity_is_the_newest_point_before_the_instant(desk: Database) -> None:
    await change(
        desk,
        equity(NOON - 2 * BAR, 10_000, 0.0),
        equity(NOON - BAR, 9_000, 0.1),
        equity(NOON, 8_000, 0.2),
    )
    case = await seen(desk, signal())
    assert (case.portfolio.equity, case.portfolio.drawdown) == (Decimal(9_000), 0.1)


async def test_sentiment_is_known_at_this_close_and_the_one_before(desk: Database) -> None:
    await change(desk, mood(NOON - BAR - timedelta(seconds=6), 0.1), mood(NOON - timedelta(seconds=6), 0.9))
    sentiment = (await seen(desk, signal())).sentiment
    assert (sentiment.now, sentiment.before) == (0.5, 0.1)


async def test_weights_of_members_count_as_of_the_close(desk: Database) -> None:
    of = {"scope": "members", "name": "portfolio", "reason": "test"}
    await change(
        desk,
        insert(Weight).values(**of, effective_from=NOON, weight=0.4),
        insert(Weight).values(**of, effective_from=NOON + MOMENT, weight=0.1),
        insert(Weight).values(**{**of, "scope": "strategies"}, effective_from=NOON, weight=0.9),
    )
    message = await decided(desk, signal())
    assert {vote.member: vote.weight for vote in message.votes}["portfolio"] == 0.4


async def test_a_member_without_weight_stops_the_loop_and_is_named(desk: Database) -> None:
    await change(desk, delete(Weight).where(Weight.scope == "members", Weight.name == "volatility"))
    with pytest.raises(Retryable, match="no weight of volatility"):
        await decided(desk, signal())


async def test_a_held_symbol_is_not_bought_again(desk: Database) -> None:
    await change(desk, equity(NOON - BAR, 10_000, 0.0), trade(NOON - BAR))
    message = await decided(desk, signal(0.5))
    assert (message.verdict, message.vetoed_by) == ("HOLD", ("portfolio",))
