"""Sentiment as it was known at a time, read from the stored scores: the same answer now and in every replay.

A level is the mean of the newest 20 scores that were stored within the 6 hours before, 5 seconds of safety kept to the
time that is asked for: what was scored that late may or may not have been seen by a decision.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, DateTime, Executable, Result, bindparam, text

Execute = Callable[[Executable, dict[str, Any]], Awaitable[Result[Any]]]
"""Runs one statement within somebody's transaction."""

_KNOWN = """
    scored.symbol = :symbol and scored.known_at <= {at} - interval '5 seconds'
    and scored.known_at > {at} - interval '6 hours 5 seconds'
"""

HAS_NEWS = f"exists (select from sentiment_logs scored where {_KNOWN.format(at=':at')})"
"""SQL over :symbol and :at (timestamptz) for a statement that runs anyway: whether asking for a level is worth it."""

_LEVELS = text(f"""
    select (
        select avg(newest.score) from (
            select score from sentiment_logs scored where {_KNOWN.format(at="asked.at")}
            order by known_at desc, id limit 20
        ) newest
    ) as level
    from unnest(:times) with ordinality asked(at, place) order by place
""").bindparams(bindparam("times", type_=ARRAY(DateTime(timezone=True))))


async def levels(execute: Execute, symbol: str, times: Sequence[datetime]) -> list[float | None]:
    """One level in [-1, 1] a time, rounded to 1e-6; None where nothing was known."""
    rows = await execute(_LEVELS, {"symbol": symbol, "times": list(times)})
    return [None if level is None else round(float(level), 6) + 0.0 for level in rows.scalars()]
