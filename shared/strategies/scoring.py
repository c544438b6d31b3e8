"""What a strategy says of every bar, or in words why it can't be used: it may be a person's own file."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.strategies.base import Strategy
from shared.strategies.market import Market
from shared.strategies.registry import REGISTRY
from shared.timeframes import from_microseconds


class NoValues(Exception):
    """score() gave something else than an array of one number for each bar; the text says what."""


def scored(strategy: Strategy, market: Market) -> NDArray[np.float64]:
    """The strategy's score of each bar, shape (n,), all from -1 to 1.

    ConfigError names the strategy, the first bar and the line of its file: score() raised, gave no array of one number
    for each bar, nan, or a value outside [-1, 1].
    """
    try:
        values = answered(strategy, market)
    except NoValues as error:
        raise ConfigError(_words(strategy, "", str(error))) from error
    except (Exception, SystemExit) as error:  # a stranger's code may raise anything
        place = _at(market, _first_failing(strategy, market))
        raise ConfigError(
            _words(strategy, place, f"{type(error).__name__}: {error}{_line(strategy, error)}")
        ) from error
    if not (values.min(initial=0.0) >= -1 and values.max(initial=0.0) <= 1):  # nan is neither
        first = int(np.flatnonzero(~(np.abs(values) <= 1))[0])
        raise ConfigError(_words(strategy, _at(market, first), _wrong(float(values[first]))))
    return values


def answered(strategy: Strategy, market: Market) -> NDArray[np.float64]:
    """One number for each bar, shape (n,), whatever it is. NoValues where there is none; or what score() raises."""
    values, bars = strategy.score(market), len(market)
    if not isinstance(values, np.ndarray):
        raise NoValues(f"score() of {bars} bars gave a {type(values).__name__}; return a NumPy array, float64")
    if values.shape != (bars,) or values.dtype.kind not in "fiu":
        what = f"shape {values.shape} and type {values.dtype}"
        raise NoValues(f"score() of {bars} bars gave {what}; return one float for each bar")
    return values.astype(np.float64, copy=False)


def line_in(file: Path, error: BaseException) -> int | None:
    """The last line of this file that an error went through; None: it did not."""
    lines, step = [], error.__traceback__
    while step is not None:
        if Path(step.tb_frame.f_code.co_filename) == file.absolute():
            lines.append(step.tb_lineno)
        step = step.tb_next
    return lines[-1] if lines else None


def _first_failing(strategy: Strategy, market: Market) -> int:
    """A bar with which the strategy fails while it does not with the bars before it; bisected."""
    low, high = 0, len(market)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _fails(strategy, market.between(0, middle)) else (middle, high)
    return high - 1


def _fails(strategy: Strategy, market: Market) -> bool:
    try:
        strategy.score(market)
    except (Exception, SystemExit):  # noqa: BLE001  a stranger's code may raise anything
        return True
    return False


def _words(strategy: Strategy, place: str, what: str) -> str:
    name = _named(strategy)
    return f"strategy {name} failed{place}: {what}; `parley check {name}` says more"


def _named(strategy: Strategy) -> str:
    """As a person names it: registered, or path/to/file.py:ClassName."""
    if type(strategy) in REGISTRY.values():
        return strategy.name
    file, kind = _file(strategy), type(strategy).__name__
    if file is None:
        return kind
    here = Path.cwd()
    return f"{file.relative_to(here) if file.is_relative_to(here) else file}:{kind}"


def _file(strategy: Strategy) -> Path | None:
    file = getattr(sys.modules.get(type(strategy).__module__), "__file__", None)
    return None if file is None else Path(file)


def _line(strategy: Strategy, error: BaseException) -> str:
    file = _file(strategy)
    line = None if file is None else line_in(file, error)
    return "" if file is None or line is None else f" (line {line} of {file.name})"


def _at(market: Market, bar: int) -> str:
    return f" at bar {from_microseconds(int(market.open_time[bar])):%Y-%m-%d %H:%M}" if len(market) else ""


def _wrong(value: float) -> str:
    if np.isnan(value):
        return "its score is nan; say 0 where there is nothing to say"
    return f"its score {value!r} is outside [-1, 1]"
