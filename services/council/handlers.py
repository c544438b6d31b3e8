"""A signal is argued about; every signal gets a decision."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from services.council.adapters import Facts, facts_of, keep
from services.council.core import Rules, decide, decide_by_score, decision, votes_of
from services.council.members.base import Member
from shared.errors import Retryable
from shared.redis_streams.transaction import Transaction
from shared.schemas.base import Message
from shared.schemas.council import Vote
from shared.schemas.signals import SignalGenerated


class Handlers:
    """`members` vote by `rules` about an account; without members the signal's score decides.

    `bar` is the decision bar's length.
    """

    def __init__(self, members: Sequence[Member], rules: Rules, account: str, bar: timedelta) -> None:
        self._members = members
        self._rules = rules
        self._account = account
        self._bar = bar

    async def on_signal_generated(self, signal: SignalGenerated, tx: Transaction) -> Sequence[Message]:
        """BUY, SELL or HOLD, with every vote."""
        if self._members:
            facts = await facts_of(tx, signal, self._account, self._bar)
            votes = await self._votes(facts)
            ruling = decide(votes, signal.score, facts.case.sentiment, self._rules)
        else:
            votes, ruling = (), decide_by_score(signal.score, self._rules)
        decided = decision(signal, votes, ruling)
        await keep(tx, decided)
        return [decided]

    async def _votes(self, facts: Facts) -> tuple[Vote, ...]:
        weightless = sorted(member.name for member in self._members if member.name not in facts.weights)
        if weightless:
            raise Retryable(f"no weight of {', '.join(weightless)} in the database: run `parley seed`")
        opinions = await asyncio.gather(*(member.vote(facts.case) for member in self._members))
        names = (member.name for member in self._members)
        return votes_of(dict(zip(names, opinions, strict=True)), facts.weights)
