"""The venue's side of a replay: nothing is sent; an order stands as sent once the recording has an answer to it."""

from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import text

from shared.db import Database
from shared.recording.entries import Recorded
from shared.schemas.orders import OrderReported

_WAITING = """
    request is null and (state = 'intended'
        or (state = 'open' and (cancel_wanted or trigger_wanted is not null or quantity_wanted is not null)))
"""
_ASK = text(f"select client_order_id from orders where {_WAITING}")
# what the executor's sender does to a row before it sends; the answer tells under which deadline it did
_CLAIM = text(f"""
    update orders set request_deadline = answered.deadline,
        request = case when state = 'intended' then 'place' when cancel_wanted then 'cancel' else 'amend' end,
        state = case when state = 'intended' then 'submitting' else state end
    from unnest(cast(:ids as text[]), cast(:deadlines as timestamptz[])) as answered(id, deadline)
    where client_order_id = answered.id and {_WAITING}
        and answered.deadline > coalesce(request_deadline, '-infinity')
""")


class RecordedAnswers:
    """Knows the answers that are still to come. `changed` once the books may want something sent."""

    def __init__(self, database: Database, inputs: Iterable[Recorded]) -> None:
        self._database = database
        self._deadlines: dict[str, deque[datetime | None]] = defaultdict(deque)
        self.changed = True
        for entry in inputs:
            if entry.kind == OrderReported.__name__:
                message = entry.message
                self._deadlines[message["client_order_id"]].append(_time(message.get("deadline")))

    def answered(self, entry: Recorded) -> None:
        """This input is being fed: the next answer to its order is the one after it."""
        if entry.kind == OrderReported.__name__:
            self._deadlines[entry.message["client_order_id"]].popleft()

    async def claim(self) -> None:
        """Claim each order that the books want sent, under the deadline that its next answer names.

        An answer that names an earlier deadline belongs to an earlier request: the order had not been sent by then.
        """
        if not self.changed:
            return
        self.changed = False
        async with self._database.transaction(durable=False) as connection:
            waiting = (await connection.execute(_ASK)).scalars().all()
            next_answers = {name: self._deadlines[name][0] for name in waiting if self._deadlines.get(name)}
            claimed = {name: deadline for name, deadline in next_answers.items() if deadline is not None}
            if claimed:
                await connection.execute(_CLAIM, {"ids": list(claimed), "deadlines": list(claimed.values())})


def _time(text_: str | None) -> datetime | None:
    return None if text_ is None else datetime.fromisoformat(text_)
