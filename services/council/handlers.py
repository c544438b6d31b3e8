"""A signal is argued about; every signal gets a decision."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from services.council.case import Facts
from services.council.core import Rules, decide, decide_by_score, decision, votes_of
from services.council.members.base import Member
from shared.errors import Retryable
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import CouncilDecided, Vote
from shared.schemas.signals import SignalGenerated


class Records(Protocol):
    """The facts as of a bar's close, and the record of what was decided."""

    async def facts(self, tx: Transaction, signal: SignalGenerated) -> Facts:
        """All that the council looks at."""
        ...

    async def keep(self, tx: Transaction, decided: CouncilDecided) -> None:
        """Store a session with its votes; a second time changes nothing."""
        ...


class Handlers:
    """`members` vote by `rules`; without members the signal's score decides."""

    def __init__(self, members: Sequence[Member], rules: Rules, records: Records) -> None:
        self._members = members
        self._rules = rules
        self._records = records

    async def on_signal_generated(self, signal: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        """BUY, SELL or HOLD, with every vote."""
        if self._members:
            facts = await self._records.facts(tx, signal)
            votes = await self._votes(facts)
            ruling = decide(votes, signal.score, facts.case.sentiment, self._rules)
        else:
            votes, ruling = (), decide_by_score(signal.score, self._rules)
        decided = decision(signal, votes, ruling)
        await self._records.keep(tx, decided)
        return [decided]

    async def _votes(self, facts: Facts) -> tuple[Vote, ...]:
        weightless = sorted(member.name for member in self._members if member.name not in facts.weights)
        if weightless:
            raise Retryable(f"no weight of {', '.join(weightless)} in the database: run `parley seed`")
        opinions = await asyncio.gather(*(member.vote(facts.case) for member in self._members))
        names = (member.name for member in self._members)
        return votes_of(dict(zip(names, opinions, strict=True)), facts.weights)
