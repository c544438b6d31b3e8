"""Learning, proved on seeded markets: a planted loser falls to its floor, a planted winner rises to its cap, and
coin-flips stay within noise.

    python -m benchmarks.prove_learning --seed 1 --seeds 20

The market is the exchange simulator's own, drawn from the seed; so are the roles (benchmarks/planted.py). Trades are
entered, guarded and booked by the desk's own functions at its own settings (benchmarks/seeded_trades.py), then go
through the learning engine's own handler, one transaction each, on an embedded PostgreSQL.

What is claimed of each name, from its weight after every trade:

- the winner reaches the cap, the loser the floor, and in the second half of the trades the median of its weight lies
  within one step (LEARNING_MAX_STEP) of it;
- a coin-flip's median over the second half lies within one step of a fair share of what winner and loser leave.

A median over hundreds of trades, as the engine weighs the newest 100 outcomes of a name: their luck moves every weight
at times, and what stands at one instant would measure that instant's luck. Where each weight ended is printed too.

A coin-flip does not break even: it pays a fee on both sides and half the spread, about 0.5 % a trade, and its average
shows it (printed as "earns"). Learning only shares out what there is to share, so that the engine holds a name against
the usual trade of the desk, which has paid the same. So noise is meant here as the engine means it: no better and no
worse than the others, not free of loss. A member's coin-flip earns about 0, as it says yes as often as no.

Exit status 1 where a claim fails.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from statistics import median

from benchmarks.planted import Planted, Role, closed_trades, planted
from benchmarks.seeded_market import history
from benchmarks.seeded_trades import terms_of
from services.learning_engine.adapters import DatabasePast
from services.learning_engine.credit import SCOPES, Outcome, Scope, outcomes_of
from services.learning_engine.handlers import Handlers
from services.learning_engine.main import guardrails
from shared.config import Settings, load_settings
from shared.db import Database
from shared.embedded.postgres import EmbeddedPostgres
from shared.migrations import upgrade
from shared.redis_streams.transaction import BatchTransaction, Transaction
from shared.schemas.trades import TradeClosed, WeightsAdjusted
from shared.seed import EQUAL, MEMBERS, STRATEGIES, seed

SYMBOL = "BTC/USD"
DAYS = 130
"""Of the market: about 800 trades; each strategy argues for 150 to 220 of them, the engine remembers 100 of each."""


@dataclass(frozen=True, slots=True)
class Course:
    """A name's weight before the first trade and after every one, and what a trade was worth to it on average.

    `earns` is the P&L fraction credited to it over the credit it took or gave.
    """

    scope: Scope
    name: str
    role: Role
    weights: tuple[float, ...]
    earns: float

    @property
    def settled(self) -> float:
        """The median of the weight over the second half of the trades."""
        return median(self.weights[len(self.weights) // 2 :])


async def learn(
    database: Database, handlers: Handlers, stream: Iterable[TradeClosed]
) -> list[Sequence[WeightsAdjusted]]:
    """Every trade through the handler, as the bus would; what each one adjusted."""
    said: list[Sequence[WeightsAdjusted]] = []
    for trade in stream:
        async with BatchTransaction(database, "learning_engine", [trade.message_id], durable=False) as batch:
            outputs = await handlers.on_trade_closed(trade, Transaction(batch, trade))
            await batch.commit()
        said.append([message for message in outputs if isinstance(message, WeightsAdjusted)])
    return said


def courses(
    scope: Scope, who: Planted, trades: Iterable[TradeClosed], said: Sequence[Sequence[WeightsAdjusted]]
) -> list[Course]:
    """How each name of a scope fared."""
    earned = earnings(scope, trades)
    steps = weights_after_each(scope, who.roles, said)
    return [Course(scope, name, role, tuple(steps[name]), earned[name]) for name, role in sorted(who.roles.items())]


def weights_after_each(
    scope: Scope, names: Iterable[str], said: Sequence[Sequence[WeightsAdjusted]]
) -> Mapping[str, Sequence[float]]:
    """Each name's weight before the first trade and after every one."""
    steps = {name: [EQUAL] for name in names}
    for messages in said:
        moved = {weight.name: weight.after for of in messages if of.scope == scope for weight in of.weights}
        for name, weights in steps.items():
            weights.append(moved.get(name, weights[-1]))
    return steps


def earnings(scope: Scope, trades: Iterable[TradeClosed]) -> Mapping[str, float]:
    """Each name's average P&L fraction, weighted by its credit; a member's no to a loss earns."""
    parts: defaultdict[str, list[Outcome]] = defaultdict(list)
    for outcome in (outcome for trade in trades for outcome in outcomes_of(trade) if outcome.scope == scope):
        parts[outcome.name].append(outcome)
    return {name: fsum(o.pnl_fraction for o in of) / fsum(abs(o.credit) for o in of) for name, of in parts.items()}


def holds(course: Course, settings: Settings) -> bool:
    """Whether the name fared as its role must. Weights are whole millionths, and compared as such."""
    floor, cap, step = settings.learning_floor, settings.learning_cap, settings.learning_max_step
    if course.role == "winner":
        return cap in course.weights and round(cap - course.settled, 6) <= step
    if course.role == "loser":
        return floor in course.weights and round(course.settled - floor, 6) <= step
    return round(abs(course.settled - (1.0 - cap - floor) / 3), 6) <= step


async def proof(database: Database, settings: Settings, number: int, days: int = DAYS) -> list[Course]:
    """Both scopes over the seed's market, on an empty migrated database."""
    rng = random.Random(number)
    who: Mapping[Scope, Planted] = {
        "strategies": planted(tuple(STRATEGIES), rng),
        "members": planted(MEMBERS, rng),
    }
    past = history(SYMBOL, settings.timeframe, number, days)
    trades = list(closed_trades(past, terms_of(settings), who["strategies"], who["members"], rng, settings.entry_score))
    async with database.transaction() as connection:
        await seed(connection)
    said = await learn(
        database, Handlers(guardrails(settings), settings.base_timeframe, DatabasePast(), moves=True), trades
    )
    return [course for scope in SCOPES for course in courses(scope, who[scope], trades, said)]


def _print(course: Course, *, passed: bool) -> None:
    low, high = min(course.weights), max(course.weights)
    line = (
        f"{course.scope:<11} {course.name:<16} {course.role:<10} earns {course.earns:+.2%} a trade, weight {EQUAL:.3f}"
    )
    line += f" -> {course.settled:.3f} (end {course.weights[-1]:.3f}, {low:.3f} to {high:.3f})"
    print(f"{line}  {'PASS' if passed else 'FAIL'}", flush=True)


async def _main(url: str, settings: Settings, number: int) -> bool:
    database = Database(url)
    try:
        found = await proof(database, settings, number)
    finally:
        await database.close()
    print(f"seed {number}, {DAYS} days of {SYMBOL}, {len(found[0].weights) - 1} trades")
    results = [(course, holds(course, settings)) for course in found]
    for course, passed in results:
        _print(course, passed=passed)
    return all(passed for _, passed in results)


def main() -> None:
    """Print the table for one or more seeds; exit status 1 where one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from --seed on")
    arguments = parser.parse_args()
    settings = load_settings(timeframe="15m", base_timeframe="1m")  # what HORIZON, DAYS and the simulator count in
    failed = []
    with tempfile.TemporaryDirectory(prefix="parley-") as folder, EmbeddedPostgres(Path(folder)) as server:
        for number in range(arguments.seed, arguments.seed + arguments.seeds):
            url = server.url(f"proof_{number}")
            upgrade(url)
            if not asyncio.run(_main(url, settings, number)):
                failed.append(number)
    print(json.dumps({"proof": "learning", "seeds": arguments.seeds, "failed": failed}))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
