"""Strategies and members planted in a seeded market: one of each knows, one knows it inverted, the rest flip coins.

What they know is the sign of the move over the next HORIZON bars, with SKILL. They propose at closes while nothing is
held, as the desk holds one trade a symbol, and long only: who expects a fall is silent. The council's verdict is not
asked (every proposal is traded): votes that chose the trades they are judged by would be judged on their own choice.

A trade may begin at the very open at which the last one is sold; the desk would still call that one open, and wait.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.seeded_market import History
from benchmarks.seeded_trades import Ended, Terms, traded
from shared.ids import derived_id
from shared.portfolio.grid import from_money
from shared.schemas.council import Vote
from shared.schemas.signals import Contribution
from shared.schemas.trades import TradeClosed
from shared.seed import EQUAL
from shared.strategies.ensemble import Ensemble, combine
from shared.timeframes import to_microseconds

Role = Literal["winner", "loser", "coin-flip"]
SKILL: Mapping[Role, float] = {"winner": 0.9, "loser": 0.1, "coin-flip": 0.5}
"""How often a role is right about where the market goes."""
HORIZON = 12
"""Bars that are foreseen: three hours of 15m, about as long as the guard lets a trade live."""
LOOKS = 0.1
"""How often a strategy looks at a bar at all: of ten trades nine are argued for by one, the tenth by several."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Who has which role among the names of a scope."""

    roles: Mapping[str, Role]

    def expecting_a_rise(self, rises: bool, rng: random.Random) -> Mapping[str, bool]:
        """What each name, in alphabetical order, thinks of the coming move."""
        return {name: rises == (rng.random() < SKILL[role]) for name, role in sorted(self.roles.items())}


def planted(names: Sequence[str], rng: random.Random) -> Planted:
    """Roles drawn by lot."""
    winner, loser, *coins = rng.sample(sorted(names), len(names))
    return Planted({winner: "winner", loser: "loser", **dict.fromkeys(coins, "coin-flip")})


def closed_trades(
    past: History, terms: Terms, strategies: Planted, members: Planted, rng: random.Random, entry_score: float
) -> Iterator[TradeClosed]:
    """All trades of the market's time, oldest first, each with what argued for it and every member's vote."""
    free_from = 0
    for bar in range(len(past.bars) - HORIZON):
        if past.close_time(bar) < free_from or not past.atr[bar] > 0:
            continue
        rises = bool(past.bars.close[bar + HORIZON] > past.bars.close[bar])
        said = _said(strategies.expecting_a_rise(rises, rng), rng)
        if said.score < entry_score:
            continue
        trade = traded(past, terms, bar)
        if trade is None:
            return
        yield _message(past, trade, said, _votes(members.expecting_a_rise(rises, rng), rng))
        free_from = to_microseconds(trade.exit.time)


def _said(bullish: Mapping[str, bool], rng: random.Random) -> Ensemble:
    """The desk's own ensemble of those that look and expect a rise."""
    scores = {name: _score(rng) if rng.random() < LOOKS and up else 0.0 for name, up in bullish.items()}
    return combine(scores, dict.fromkeys(scores, EQUAL))


def _score(rng: random.Random) -> float:
    return round(rng.uniform(0.4, 1.0), 6)


def _votes(bullish: Mapping[str, bool], rng: random.Random) -> tuple[Vote, ...]:
    return tuple(
        Vote(member=name, weight=EQUAL, probability=_probability(up, rng), reason="planted")
        for name, up in bullish.items()
    )


def _probability(up: bool, rng: random.Random) -> float:
    return round(0.5 + (1 if up else -1) * rng.uniform(0.1, 0.3), 6)


def _message(past: History, trade: Ended, said: Ensemble, votes: tuple[Vote, ...]) -> TradeClosed:
    pnl, paid = from_money(trade.pnl), from_money(trade.paid)
    return TradeClosed(
        message_id=derived_id("TradeClosed", trade.trade_id),
        occurred_at=trade.exit.time,
        symbol=past.symbol,
        trade_id=trade.trade_id,
        quantity=past.grid.from_lots(trade.lots),
        entry_price=past.grid.from_ticks(trade.entry),
        entry_time=trade.entry_time,
        exit_price=past.grid.from_ticks(trade.exit.price),
        exit_time=trade.exit.time,
        exit_reason=trade.exit.reason,
        fees=from_money(trade.fees),
        pnl=pnl,
        pnl_fraction=round(float(pnl / paid), 6),
        score=said.score,
        contributions=tuple(
            Contribution(
                strategy=part.strategy, weight=part.weight, score=part.score, share=part.share, reason="planted"
            )
            for part in said.contributions
        ),
        votes=votes,
    )
