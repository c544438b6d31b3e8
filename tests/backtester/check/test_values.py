"""Values that are not what they must be, strategies that change from call to call, and explanations that fail."""

import sys
from collections.abc import Callable
from functools import partial
from math import inf, nan

import numpy as np
import pytest

from backtester.check.drawn import drawn
from backtester.check.exam import checked
from backtester.check.findings import Checked
from shared.strategies.market import Market
from tests.backtester.check.cheats import Answers, Counts, Floats, Honest, Keeps, Random, Says, Silenced, Writes

MARKET = drawn(7, 600, 300_000_000)
AT = 345
HERE = int(MARKET.open_time[AT])


def kinds(found: Checked) -> list[str]:
    return [finding.kind for finding in found.findings]


@pytest.mark.parametrize(
    ("value", "at", "kind"),
    [
        (nan, AT, "nan"),
        (1.000001, AT, "range"),
        (-inf, AT, "range"),
        (0.12345678, AT, "rounding"),
        (0.5, 3, "early"),
    ],
)
def test_a_wrong_value_is_named_with_its_bar(value: float, at: int, kind: str) -> None:
    found = checked(partial(Says, value, int(MARKET.open_time[at])), MARKET)
    first = next(finding for finding in found.findings if finding.kind == kind)
    assert (first.index, first.open_time) == (at, int(MARKET.open_time[at]))
    assert repr(value) in first.detail
    assert not {"look-ahead", "warm-up", "repeat", "state"} & set(kinds(found))


def lost_without_bars(market: Market) -> Floats:
    first: float = market.close[0]
    return np.full(len(market), 0.0 * first)


def never_empty(market: Market) -> Floats:
    return np.zeros(max(1, len(market)))


def needs_nine(market: Market) -> Floats:
    if 0 < len(market) < 9:
        raise ValueError("too few")
    return np.zeros(len(market))


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        (lambda market: np.zeros(len(market) + 1), "shape", "score() of 600 bars gave shape (601,)"),
        (lambda market: 0.5, "shape", "gave a float"),
        (lambda market: None, "shape", "gave a NoneType"),
        (lambda market: np.zeros(len(market), object), "shape", "type object"),
        (lambda market: np.zeros(len(market), bool), "shape", "type bool"),
        (lambda market: 1 / 0, "raises", "score() of 600 bars raised ZeroDivisionError: division by zero"),
        (lambda market: market.close.__setitem__(0, 1.0), "raises", "read-only"),
        (lambda market: [0.0] * len(market), "shape", "gave a list; return a NumPy array"),
        (lambda market: sys.exit(3), "raises", "score() of 600 bars raised SystemExit: 3"),
        (lost_without_bars, "raises", "score() of 0 bars raised IndexError"),
        (never_empty, "shape", "score() of 0 bars gave shape (1,)"),
    ],
)
def test_a_strategy_without_values_is_told_so(values: Callable[[Market], Floats], kind: str, said: str) -> None:
    found = checked(partial(Answers, values), MARKET)
    assert kinds(found) == [kind]
    assert said in found.findings[0].detail


def test_a_call_that_fails_only_on_few_bars_is_a_finding() -> None:
    found = checked(partial(Answers, needs_nine), MARKET)
    assert "score() of 1 bars raised ValueError: too few" in found.findings[0].detail


@pytest.mark.parametrize("warmup", [0, -1, 2.5, True, None])
def test_a_warm_up_that_is_no_number_of_bars_is_named(warmup: object) -> None:
    kind = type("Odd", (Honest,), {"warmup": warmup})
    assert kinds(checked(kind, MARKET)) == ["shape"]


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (Random, "repeat", "the value changed when the same bars were scored again"),
        (Counts, "state", "the value changed in the second call of the same strategy"),
        (Keeps, "state", "the value depends on the market that the same strategy scored before"),
    ],
)
def test_a_value_that_depends_on_the_calls_before_is_caught(make: Callable[[], Honest], kind: str, said: str) -> None:
    found = checked(make, MARKET)
    assert kinds(found) == [kind]
    assert found.findings[0].detail == said
    assert (found.findings[0].index or 0) >= 8
    assert found.unasked == dict.fromkeys(("look-ahead", "warm-up"), "its values change from call to call")


def test_bars_that_are_written_into_are_named() -> None:
    found = checked(Writes, MARKET)
    (finding,) = [finding for finding in found.findings if finding.kind == "mutation"]
    place = finding.index
    assert place is not None
    assert place >= 17
    assert "market.close" in finding.detail
    assert (finding.expected, finding.found) == (MARKET.close[place], round(MARKET.close[place], 1))


def test_an_explanation_that_fails_is_named_with_its_bar() -> None:
    found = checked(Silenced, MARKET)
    assert kinds(found) == ["explain"]
    assert "explain() of 1 bars raised KeyError: 0.0" in str(found.findings[0])


def test_a_strategy_that_can_not_be_made_is_a_finding() -> None:
    def make() -> Honest:
        raise RuntimeError("no model file")

    found = checked(make, MARKET)
    assert kinds(found) == ["raises"]
    assert "it can't be made: RuntimeError: no model file" in str(found.findings[0])
