"""A sweep is the loop, run by run."""

import numpy as np

from backtester.vector.engine import grid_of, steps_of
from backtester.vector.sweep import swept
from tests.backtester.vector.markets import INSTRUMENT, TERMS, market, played

TAPE = market(seed=7, instants=400, symbols=1, gaps=0.0, silence=0.9, volatility=200)
STEPS = steps_of({"A/USD": INSTRUMENT}, {"A/USD": grid_of(INSTRUMENT, "A/USD")})
RNG = np.random.default_rng(3)
SCORES = RNG.integers(-10, 11, (5, 400)) / 10 * (RNG.random((5, 400)) < 0.2)
ATRS = RNG.uniform(50, 500, (400, 1))


def test_every_run_is_that_of_its_own_scores() -> None:
    found = swept(TAPE, SCORES, ATRS, STEPS, TERMS, every=10, threads=2)
    for run, scores in enumerate(SCORES):
        calls = np.flatnonzero(np.abs(scores) >= TERMS.entry_score)
        alone = played(TAPE._replace(calls=calls, scores=scores[calls][:, None], atrs=ATRS[calls]), TERMS, skip=False)
        assert len(alone.rows) > 5
        assert (found.trades[run], found.worth[run]) == (len(alone.rows), alone.worth)
        assert (found.equity[run] == alone.equity[::10]).all()
        assert (found.refused[run] == alone.refused).all()


def test_scores_of_whole_numbers_and_more_trades_than_there_is_room_for() -> None:
    busy = np.tile(np.array([1, -1], np.int8), (2, 200))
    calm = TERMS._replace(max_drawdown=10**9, max_daily_loss=10**9, taker_fee=0)
    tape = market(seed=7, instants=2_000, symbols=1, gaps=0.0, silence=0.9, volatility=50)
    found = swept(tape, np.tile(busy, (1, 5)), RNG.uniform(500, 900, (2_000, 1)), STEPS, calm)
    assert found.trades[0] == found.trades[1] == 999
    assert (found.trades[0], found.worth[0]) == (found.trades[1], found.worth[1])
