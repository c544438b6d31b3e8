"""What is to be sent to the venue: claimed durably before anything is sent, by one process at a time."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import TextClause, text

from services.trade_executor.core.records import Order
from shared.broker.base import VenueOrder
from shared.db import Database

CLAIMED_AT_ONCE = 4
"""Requests claimed together: an exit that comes up waits for at most so many entries."""

WAITING = """
    account = :account AND request IS NULL
    AND (state = 'intended'
         OR (state = 'open' AND (cancel_wanted OR trigger_wanted IS NOT NULL OR quantity_wanted IS NOT NULL)))
"""
IS_WAITING = text(f"SELECT EXISTS(SELECT FROM orders WHERE {WAITING})")
# Cancels free what exits need; exits, new stops and raised ones go before any entry.
CLAIM = text(f"""
    WITH work AS (
        SELECT client_order_id,
               CASE WHEN state = 'intended' THEN 'place' WHEN cancel_wanted THEN 'cancel' ELSE 'amend' END AS task,
               CASE WHEN state = 'open' AND cancel_wanted THEN 0 WHEN state = 'open' THEN 3
                    WHEN purpose = 'exit' THEN 1 WHEN purpose = 'stop' THEN 2 ELSE 4 END AS rank
        FROM orders WHERE {WAITING}
        ORDER BY rank, created_at, symbol, client_order_id LIMIT :most FOR UPDATE SKIP LOCKED)
    UPDATE orders SET request = task, state = CASE WHEN task = 'place' THEN 'submitting' ELSE state END,
                      request_deadline = greatest(:deadline, request_deadline + interval '1 microsecond')
    FROM work WHERE orders.client_order_id = work.client_order_id
    RETURNING orders.*, work.rank
""")
ENTRIES_ALLOWED = text(
    "SELECT NOT EXISTS(SELECT FROM system_config WHERE system_status = 'PAUSED' OR NOT is_trading_active)"
)
IN_FLIGHT = text("SELECT * FROM orders WHERE account = :account AND request IS NOT NULL ORDER BY created_at, purpose")
RESTING = text("SELECT * FROM orders WHERE account = :account AND state = 'open' AND request IS NULL")
KNOWN = text("""
    SELECT client_order_id, venue_order_id FROM orders
    WHERE account = :account AND (venue_order_id = ANY(:venue) OR client_order_id = ANY(:client))
""")
HOLDINGS = text("""
    SELECT currency AS asset, cash AS amount FROM accounts WHERE name = :account
    UNION ALL
    SELECT split_part(symbol, '/', 1), sum(held) FROM trades WHERE account = :account GROUP BY 1 ORDER BY 1
""")


class Claims:
    """The orders of one account that need the venue."""

    def __init__(self, database: Database, account: str) -> None:
        self._database = database
        self._of = {"account": account}

    async def waiting(self) -> bool:
        """Whether anything is to be sent."""
        async with self._database.single() as connection:
            return bool((await connection.execute(IS_WAITING, self._of)).scalar_one())

    async def claim(self, deadline: datetime) -> list[Order]:
        """The most urgent requests, now in flight and ours: committed before this returns.

        Rows that a handler is changing right now are left for the next time.
        """
        wanted = {"deadline": deadline, "most": CLAIMED_AT_ONCE}
        async with self._database.single() as connection:
            rows = (await connection.execute(CLAIM, self._of | wanted)).mappings().all()
        urgent_first = sorted(rows, key=lambda row: (row["rank"], row["created_at"], row["symbol"]))
        return [Order(**{name: value for name, value in row.items() if name != "rank"}) for row in urgent_first]

    async def entries_allowed(self) -> bool:
        """Whether the flags, which may have been changed by SQL alone, let anything be bought."""
        async with self._database.single() as connection:
            return bool((await connection.execute(ENTRIES_ALLOWED)).scalar_one())

    async def in_flight(self) -> list[Order]:
        """Orders whose request has no answer in the books yet, or which are to be looked up."""
        return await self._orders(IN_FLIGHT)

    async def resting(self) -> list[Order]:
        """Orders that are open at the venue as far as we know, and nothing is asked of."""
        return await self._orders(RESTING)

    async def foreign(self, theirs: Sequence[VenueOrder]) -> list[VenueOrder]:
        """Those of the venue's orders that are not in our books, by neither id: ours may have no answer booked yet."""
        ids = {
            "venue": [order.venue_order_id for order in theirs],
            "client": [order.client_order_id for order in theirs if order.client_order_id],
        }
        async with self._database.single() as connection:
            rows = (await connection.execute(KNOWN, self._of | ids)).all()
        known = {name for row in rows for name in row if name}
        return [order for order in theirs if not {order.venue_order_id, order.client_order_id} & known]

    async def holdings(self) -> dict[str, Decimal]:
        """What our ledger says we have of each asset."""
        async with self._database.single() as connection:
            return {row.asset: row.amount for row in await connection.execute(HOLDINGS, self._of)}

    async def _orders(self, query: TextClause) -> list[Order]:
        async with self._database.single() as connection:
            rows = await connection.execute(query, self._of)
            return [Order(**row) for row in rows.mappings()]
