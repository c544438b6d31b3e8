"""The loop by hand: where entries and exits fill, what they cost, and what may never happen."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtester.vector.engine import Result, grid_of, run, steps_of, terms_of
from backtester.vector.state import NEVER, NO_BREAKEVEN, Ints, Tape, Terms
from shared.portfolio.grid import from_money
from shared.risk.limits import CASH, EXPIRED
from shared.strategies.market import PRICES
from tests.backtester.vector.markets import INSTRUMENT, MINUTE, SETTINGS, START

HALF_SPREAD = 100


@dataclass(frozen=True)
class B:
    """A bar in ticks, with the score and the ATR known at its close."""

    open: int
    high: int
    low: int
    close: int
    score: float = 0.0
    atr: float = 100.0
    volume: int = 10**9


def still(score: float = 0.0) -> B:
    return B(100_000, 100_010, 99_990, 100_000, score)


def tape_of_bars(time: Ints, columns: Sequence[list[B]]) -> Tape:
    """Everybody has a bar at every time, and a verdict at each."""
    prices = np.array([[[getattr(b, name) for b in of] for of in columns] for name in PRICES], np.int64)
    volume = np.array([[b.volume for b in of] for of in columns], np.int64)
    scores = np.array([[b.score for b in of] for of in columns]).T
    atrs = np.array([[b.atr for b in of] for of in columns]).T
    return Tape(time, prices, volume, np.arange(len(time)), scores.copy(), atrs.copy())


def played(*columns: list[B], terms: Terms | None = None, times: Sequence[int] = ()) -> Result:
    """Bars of as many symbols, one a minute, through the loop as plain Python."""
    symbols = [f"{letter}/USD" for letter in "ABCDE"[: len(columns)]]
    instruments = dict.fromkeys(symbols, INSTRUMENT)
    grids = {symbol: grid_of(INSTRUMENT, symbol) for symbol in symbols}
    time = START + MINUTE * np.array(times or range(len(columns[0])), np.int64)
    chosen = terms or terms_of(SETTINGS, HALF_SPREAD)
    return run(tape_of_bars(time, columns), steps_of(instruments, grids), chosen, grids, pure=True)


def test_an_entry_fills_at_the_next_open_with_half_the_spread() -> None:
    [trade] = played([still(1.0), B(100_050, 100_200, 99_700, 99_700), still()]).trades
    assert (trade.entry_time, trade.entry_price) == (START + MINUTE, Decimal("1000.61"))
    assert (trade.exit_price, trade.fees) == (Decimal("998.61"), Decimal("12.987"))


def test_a_stop_inside_the_bar_fills_at_its_price() -> None:
    result = played([still(1.0), still(), B(100_000, 100_000, 99_000, 99_500), still()])
    [trade] = result.trades
    assert (trade.entry_price, trade.exit_price, trade.exit_reason) == (Decimal("1000.1"), Decimal("998.1"), "stop")
    assert trade.exit_time == START + 2 * MINUTE + MINUTE // 4


def test_a_gap_through_the_stop_fills_at_the_open() -> None:
    result = played([still(1.0), still(), B(99_000, 99_500, 98_900, 99_000), still()])
    [trade] = result.trades
    assert (trade.exit_price, trade.exit_reason) == (Decimal("990"), "stop")


def test_where_a_bar_reaches_both_the_stop_is_first() -> None:
    result = played([still(1.0), still(), B(100_000, 102_000, 99_000, 101_000), still()])
    assert [trade.exit_reason for trade in result.trades] == ["stop"]


def test_a_target_is_sold_at_the_open_after_it() -> None:
    result = played([still(1.0), still(), B(100_000, 101_000, 100_000, 101_000), B(100_900, 101_000, 100_800, 100_900)])
    [trade] = result.trades
    assert (trade.exit_reason, trade.exit_price) == ("target", Decimal("1008.89"))


def test_a_verdict_to_sell_closes_at_the_next_open() -> None:
    [trade] = played([still(1.0), still(-1.0), still(), still()]).trades
    assert (trade.exit_reason, trade.exit_time) == ("council", START + 2 * MINUTE)


def test_a_trade_ends_with_its_time() -> None:
    [trade] = played([still(1.0), *[still()] * 97, still()]).trades
    assert (trade.exit_reason, trade.exit_time - trade.entry_time) == ("time", 96 * MINUTE)


def test_the_greater_score_gets_the_cash() -> None:
    wide = {"max_position": 10**9, "max_exposure": 3 * 10**9, "risk_per_trade": 10**9}
    all_of_it = terms_of(SETTINGS, HALF_SPREAD)._replace(**wide)
    weak, strong = [still(0.5), still(), still(-1), still()], [still(0.9), still(), still(-1), still()]
    result = played(weak, strong, terms=all_of_it)
    assert [trade.symbol for trade in result.trades] == ["B/USD"]
    assert (result.refused[CASH], result.refused.sum()) == (1, 1)


def test_no_atr_no_entry() -> None:
    assert played([B(100_000, 100_010, 99_990, 100_000, 1.0, float("nan")), still(), still()]).cash == 10_000


steps = st.integers(-400, 400)
bars = st.lists(st.tuples(steps, st.integers(0, 300), st.integers(0, 300), st.floats(-1, 1)), min_size=5, max_size=60)


def walk_of(moves: list[tuple[int, int, int, float]]) -> list[B]:
    price, found = 100_000, []
    for move, up, down, score in moves:
        close = price + move
        found.append(B(price, max(price, close) + up, min(price, close) - down, close, round(score, 6)))
        price = close
    return found


@given(bars)
def test_money_is_conserved_and_fills_lie_inside_their_bars(moves: list[tuple[int, int, int, float]]) -> None:
    result = played(walk_of(moves))
    by_time = {START + MINUTE * n: bar for n, bar in enumerate(walk_of(moves))}
    for trade in result.trades:
        for time, price in ((trade.entry_time, trade.entry_price), (trade.exit_time, trade.exit_price)):
            bar = by_time[time - time % MINUTE]
            assert bar.low <= price * 100 <= bar.high
        assert trade.entry_time < trade.exit_time
    closed = sum((trade.pnl for trade in result.trades), Decimal(0))
    assert from_money(int(result.equity[0])) == 10_000
    assert result.cash <= 10_000 + closed, "what is missing is in the trade that is open"


@given(bars)
def test_no_trade_knows_a_later_bar(moves: list[tuple[int, int, int, float]]) -> None:
    whole, cut = played(walk_of(moves)), played(walk_of(moves)[:-2])
    until = START + MINUTE * (len(moves) - 2)
    assert [t for t in whole.trades if t.exit_time < until] == list(cut.trades)
    assert (whole.equity[: len(moves) - 2] == cut.equity).all()


@given(bars)
def test_doubled_fees_never_help(moves: list[tuple[int, int, int, float]]) -> None:
    terms = terms_of(SETTINGS, HALF_SPREAD)._replace(max_drawdown=10**9)
    cheap = played(walk_of(moves), terms=terms)
    dear = played(walk_of(moves), terms=terms._replace(taker_fee=2 * terms.taker_fee))
    if [t.entry_time for t in cheap.trades] == [t.entry_time for t in dear.trades]:
        assert sum(t.pnl for t in dear.trades) <= sum(t.pnl for t in cheap.trades)


SHORTING = terms_of(SETTINGS, HALF_SPREAD)._replace(short=True)


def test_a_sell_verdict_opens_a_short_where_shorts_are_allowed() -> None:
    result = played([still(-1.0), B(100_000, 100_050, 99_800, 99_900), still(1.0), still()], terms=SHORTING)
    [trade] = result.trades
    assert (trade.side, trade.entry_price, trade.exit_price) == (-1, Decimal("999.9"), Decimal("1000.1"))
    assert trade.exit_reason == "council"
    moved = trade.quantity * (trade.entry_price - trade.exit_price)
    assert abs(trade.pnl - (moved - trade.fees)) < Decimal("0.0002"), "booked to four decimals"
    assert result.cash == 10_000 + trade.pnl
    assert not played([still(-1.0), still(), still()]).held


def test_a_short_owes_the_ask_while_it_is_held() -> None:
    result = played([still(-1.0), still(), still()], terms=SHORTING._replace(taker_fee=0))
    [lots] = result.held.values()
    assert lots < 0
    lost = 10_000 - from_money(int(result.equity[2]))
    assert abs(lost + lots * Decimal("1e-8") * Decimal("0.2")) < Decimal("0.0002")


def test_a_short_binds_its_proceeds_and_as_much_again() -> None:
    wide = {"max_position": 9 * 10**8, "max_exposure": 3 * 10**9, "risk_per_trade": 10**9, "taker_fee": 0}
    short, long = [still(-1.0), still(), still()], [still(), still(1.0), still()]
    result = played(short, long, terms=SHORTING._replace(**wide))
    assert result.held["A/USD"] == pytest.approx(-9 * 10**8, rel=1e-3)
    assert result.held["B/USD"] == pytest.approx(10**8, rel=0.01)


def test_a_shorts_stop_lies_above_and_is_bought_at_its_price() -> None:
    result = played([still(-1.0), still(), B(100_000, 101_000, 99_990, 100_500), still()], terms=SHORTING)
    [trade] = result.trades
    assert (trade.entry_price, trade.exit_price, trade.exit_reason) == (Decimal("999.9"), Decimal("1001.9"), "stop")
    assert trade.exit_time == START + 2 * MINUTE + MINUTE // 2


def test_slippage_goes_against_both_sides_and_not_beyond_the_bar() -> None:
    wide = B(100_000, 100_400, 99_600, 100_000)
    slipping = terms_of(SETTINGS, 0)._replace(slippage=1_000_000)
    first = B(100_000, 100_010, 99_990, 100_000, 1.0, atr=1_000)
    [trade] = played([first, wide, B(100_000, 100_400, 99_600, 100_000, -1.0), wide], terms=slipping).trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("1001"), Decimal("999"))
    [trade] = played([still(1.0), still(-1.0), still(), still()], terms=slipping).trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("1000.1"), Decimal("999.9"))


def test_impact_follows_the_share_of_the_bars_volume() -> None:
    wide = B(100_000, 101_000, 99_800, 100_000, volume=10**9)
    terms = terms_of(SETTINGS, 0)._replace(impact=10_000_000)
    entry = played([still(1.0), wide, still(-1.0), still()], terms=terms).trades[0]
    share = int(entry.quantity * 10**8) / 10**9
    assert entry.entry_price == Decimal(-int(-100_000 * (1 + 0.01 * share) // 1)) / 100


def test_what_is_decided_before_a_gap_expires_in_it() -> None:
    bars = [still(1.0), still(), still()]
    terms = terms_of(SETTINGS, HALF_SPREAD)
    early = played(bars, terms=terms, times=[0, 1 + terms.ttl // MINUTE, 2 + terms.ttl // MINUTE])
    late = played(bars, terms=terms, times=[0, 2 + terms.ttl // MINUTE, 3 + terms.ttl // MINUTE])
    assert (early.refused[EXPIRED], len(early.held)) == (0, 1)
    assert (late.refused[EXPIRED], len(late.held)) == (1, 0)


def test_without_stop_target_and_time_only_verdicts_close() -> None:
    free = {"stop_atr": 0.0, "take_profit_r": 0.0, "breakeven_atr": NO_BREAKEVEN, "max_hold_bars": NEVER}
    terms = terms_of(SETTINGS, HALF_SPREAD)._replace(max_drawdown=10**9, risk_per_trade=10**9, **free)
    fallen = [B(100_000, 100_000, 100_000, 100_000, 1.0, float("nan")), still(), B(50_000, 200_000, 10_000, 50_000)]
    [trade] = played([*fallen, *[still()] * 200, still(-1.0), still()], terms=terms).trades
    assert (trade.exit_reason, trade.exit_time) == ("council", START + 204 * MINUTE)
    assert trade.quantity * trade.entry_price == pytest.approx(2_500, rel=1e-3)
