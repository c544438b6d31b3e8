"""Orders stand as sent under the deadline that the recorded answer names, and only where there is one."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select

from shared.db import Database
from shared.models import Order
from shared.recording.answers import RecordedAnswers
from shared.recording.entries import Recorded
from tests.builders import BTC, NINE, at, order_reported
from tests.shared.recording.made import entry


def answer(order: str, deadline: datetime | None, minute: float = 0) -> Recorded:
    reported = order_reported(minute).model_copy(update={"client_order_id": order, "deadline": deadline})
    return entry(reported)


async def has(database: Database, order: str, **columns: Any) -> None:
    usual = {"account": "desk", "symbol": BTC, "purpose": "stop", "side": "sell", "order_type": "stop-loss"}
    times = {"created_at": NINE, "updated_at": NINE}
    async with database.transaction() as connection:
        values = {"client_order_id": order, "quantity": Decimal(1), "state": "intended", **usual, **times, **columns}
        await connection.execute(insert(Order).values(**values))


async def stands(database: Database, order: str) -> tuple[str, str | None, datetime | None]:
    async with database.transaction() as connection:
        found = select(Order.state, Order.request, Order.request_deadline).where(Order.client_order_id == order)
        return tuple((await connection.execute(found)).one())  # type: ignore[return-value]


async def test_an_intended_order_is_placed_under_its_answers_deadline(database: Database) -> None:
    await has(database, "a")
    await RecordedAnswers(database, [answer("a", at(1))]).claim()
    assert await stands(database, "a") == ("submitting", "place", at(1))


async def test_an_order_without_an_answer_is_not_sent(database: Database) -> None:
    await has(database, "a")
    await RecordedAnswers(database, [answer("b", at(1))]).claim()
    assert await stands(database, "a") == ("intended", None, None)


@pytest.mark.parametrize(
    ("wanted", "request_"), [({"cancel_wanted": True}, "cancel"), ({"trigger_wanted": 99}, "amend")]
)
async def test_a_change_of_an_open_order_is_claimed(database: Database, wanted: Any, request_: str) -> None:
    await has(database, "a", state="open", request_deadline=at(1), **wanted)
    await RecordedAnswers(database, [answer("a", at(2))]).claim()
    assert await stands(database, "a") == ("open", request_, at(2))


async def test_an_answer_to_an_earlier_request_claims_nothing(database: Database) -> None:
    await has(database, "a", state="open", request_deadline=at(1), cancel_wanted=True)
    early, late = answer("a", at(1)), answer("a", at(2), minute=1)
    answers = RecordedAnswers(database, [early, late])
    await answers.claim()
    assert await stands(database, "a") == ("open", None, at(1))
    answers.answered(early)
    answers.changed = True
    await answers.claim()
    assert await stands(database, "a") == ("open", "cancel", at(2))


async def test_a_request_in_flight_is_left_alone(database: Database) -> None:
    await has(database, "a", state="open", request="find", request_deadline=at(1), cancel_wanted=True)
    await RecordedAnswers(database, [answer("a", at(2))]).claim()
    assert await stands(database, "a") == ("open", "find", at(1))


async def test_the_books_are_only_asked_when_they_may_have_changed(database: Database) -> None:
    answers = RecordedAnswers(database, [answer("a", at(1))])
    await answers.claim()
    await has(database, "a")
    await answers.claim()
    assert (await stands(database, "a"))[0] == "intended"
