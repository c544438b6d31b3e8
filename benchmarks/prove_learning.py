"""Learning, proved on a seeded stream: a planted loser falls, a planted winner rises, coin-flips stay within noise.

    python -m benchmarks.prove_learning --seed 1

Closed trades go through the learning engine's own handler, one transaction each, on an embedded PostgreSQL. Who is
planted where follows from the seed. Exit status 1 where a weight does not end where it must.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from services.learning_engine.handlers import Handlers
from services.learning_engine.main import guardrails
from shared.config import Settings, load_settings
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.ids import derived_id
from shared.migrations import upgrade
from shared.redis_streams.transaction import BatchTransaction, Transaction
from shared.schemas.council import Vote
from shared.schemas.signals import Contribution
from shared.schemas.trades import TradeClosed, WeightsAdjusted
from shared.seed import EQUAL, MEMBERS, STRATEGIES, seed

TRADES = 400
START = datetime(2026, 1, 1, tzinfo=UTC)
NOISE = 0.01
"""Standard deviation of a trade's P&L fraction."""
EDGE = 0.01
"""What the winner's trades earn on average, and the loser's lose."""
SKILL = 0.9
"""How often the winning member leans to the right side, and the losing one to the wrong side."""
COIN_NOISE = 0.06
"""How far a coin-flip may end from its fair share of what winner and loser leave."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Who wins and who loses among the names of a scope; everybody else flips a coin."""

    winner: str
    loser: str
    coins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A name's weight after every adjustment, oldest first."""

    name: str
    role: str
    weights: tuple[float, ...]


def planted(names: Sequence[str], rng: random.Random) -> Planted:
    """Roles drawn by lot."""
    drawn = rng.sample(sorted(names), len(names))
    return Planted(drawn[0], drawn[1], tuple(sorted(drawn[2:])))


def trades(rng: random.Random, strategies: Planted, members: Planted, number: int) -> Iterator[TradeClosed]:
    """Closed trades, each argued for by one or two strategies whose edges decide it, and voted on by every member."""
    for i in range(number):
        arguing = rng.sample(sorted((strategies.winner, strategies.loser, *strategies.coins)), rng.choice((1, 1, 2)))
        shares = {name: round(rng.uniform(0.2, 0.8), 6) for name in arguing}
        edge = {strategies.winner: EDGE, strategies.loser: -EDGE}
        expected = sum(share * edge.get(name, 0.0) for name, share in shares.items()) / sum(shares.values())
        fraction = round(rng.gauss(expected, NOISE), 6)
        yield _closed(i, fraction, shares, _votes(rng, members, won=fraction > 0))


def _votes(rng: random.Random, members: Planted, *, won: bool) -> tuple[Vote, ...]:
    right = {members.winner: SKILL, members.loser: 1.0 - SKILL}
    votes = []
    for name in sorted((members.winner, members.loser, *members.coins)):
        bullish = won == (rng.random() < right.get(name, 0.5))
        probability = round(0.5 + (1 if bullish else -1) * rng.uniform(0.02, 0.3), 6)
        votes.append(Vote(member=name, weight=EQUAL, probability=probability, reason="seeded"))
    return tuple(votes)


def _closed(number: int, fraction: float, shares: Mapping[str, float], votes: tuple[Vote, ...]) -> TradeClosed:
    closed = START + timedelta(minutes=30 * number, seconds=20)
    cost = Decimal(2500)
    return TradeClosed(
        message_id=derived_id("TradeClosed", "seeded", number),
        occurred_at=closed,
        symbol="BTC/USD",
        trade_id=derived_id("Trade", "seeded", number),
        quantity=Decimal("0.05"),
        entry_price=Decimal(50_000),
        entry_time=closed - timedelta(minutes=25),
        exit_price=Decimal(50_000) * (1 + Decimal(repr(fraction))),
        exit_time=closed,
        exit_reason="trailing" if fraction > 0 else "stop",
        fees=Decimal(0),
        pnl=cost * Decimal(repr(fraction)),
        pnl_fraction=fraction,
        score=min(1.0, sum(shares.values())),
        contributions=tuple(
            Contribution(strategy=name, weight=EQUAL, score=share, share=share, reason="seeded")
            for name, share in sorted(shares.items())
        ),
        votes=votes,
    )


async def learn(database: Database, handlers: Handlers, stream: Iterator[TradeClosed]) -> list[WeightsAdjusted]:
    """Every trade through the handler, as the bus would."""
    adjusted: list[WeightsAdjusted] = []
    for trade in stream:
        async with BatchTransaction(database, "learning_engine", [trade.message_id], durable=False) as batch:
            outputs = await handlers.on_trade_closed(trade, Transaction(batch, trade))
            await batch.commit()
        adjusted += [message for message in outputs if isinstance(message, WeightsAdjusted)]
    return adjusted


def paths(scope: str, roles: Planted, adjusted: Sequence[WeightsAdjusted]) -> list[Course]:
    """How each name's weight went."""
    role = {roles.winner: "winner", roles.loser: "loser"}
    steps = {name: [EQUAL] for name in sorted((roles.winner, roles.loser, *roles.coins))}
    for message in adjusted:
        for weight in message.weights if message.scope == scope else ():
            steps[weight.name].append(weight.after)
    return [Course(name, role.get(name, "coin-flip"), tuple(weights)) for name, weights in steps.items()]


def verdict(path: Course, settings: Settings) -> bool:
    """Whether the name ended where its role must."""
    end, floor, cap = path.weights[-1], settings.learning_floor, settings.learning_cap
    if path.role == "winner":
        return cap in path.weights and end >= cap - settings.learning_max_step
    if path.role == "loser":
        return floor in path.weights and end <= floor + settings.learning_max_step
    return abs(end - (1.0 - cap - floor) / 3) <= COIN_NOISE


async def proof(database: Database, settings: Settings, number: int, length: int = TRADES) -> dict[str, list[Course]]:
    """The weights of both scopes over a seeded stream, on an empty migrated database."""
    rng = random.Random(number)
    strategies, members = planted(tuple(STRATEGIES), rng), planted(MEMBERS, rng)
    async with database.transaction() as connection:
        await seed(connection)
    handlers = Handlers(guardrails(settings), settings.base_timeframe, moves=True)
    adjusted = await learn(database, handlers, trades(rng, strategies, members, length))
    return {"strategies": paths("strategies", strategies, adjusted), "members": paths("members", members, adjusted)}


def _print(scope: str, path: Course, *, passed: bool) -> None:
    low, high, end = min(path.weights), max(path.weights), path.weights[-1]
    line = f"{scope:<11} {path.name:<16} {path.role:<10} {EQUAL:.3f} -> {end:.3f}  range {low:.3f} to {high:.3f}"
    print(f"{line}  {len(path.weights) - 1:3d} adjustments  {'PASS' if passed else 'FAIL'}")


async def _main(url: str, settings: Settings, number: int) -> bool:
    database = Database(url)
    try:
        found = await proof(database, settings, number)
    finally:
        await database.close()
    results = [(scope, path, verdict(path, settings)) for scope, of_scope in found.items() for path in of_scope]
    for scope, path, passed in results:
        _print(scope, path, passed=passed)
    return all(passed for _, _, passed in results)


def main() -> None:
    """Print the table for one or more seeds; exit status 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    arguments = parser.parse_args()
    settings = load_settings()
    failed = []
    with tempfile.TemporaryDirectory(prefix="parley-") as folder, EmbeddedPostgres(Path(folder)) as server:
        for number in range(arguments.seed, arguments.seed + arguments.seeds):
            url = server.url(f"proof_{number}")
            upgrade(url)
            print(f"seed {number}, {TRADES} trades")
            if not asyncio.run(_main(url, settings, number)):
                failed.append(number)
    print(json.dumps({"proof": "learning", "seeds": arguments.seeds, "failed": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
