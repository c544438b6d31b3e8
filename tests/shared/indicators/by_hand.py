"""The indicators' textbook definitions at one bar, in plain loops over lists: slow, and written a second time."""

from collections.abc import Sequence
from math import sqrt

Series = Sequence[float]


def ema_at(values: Series, at: int, span: int, window: int) -> float:
    weights = [(1 - 2 / (span + 1)) ** age for age in range(window)]
    return sum(weight * values[at - age] for age, weight in enumerate(weights)) / sum(weights)


def wilder_at(values: Series, at: int, period: int = 14) -> float:
    return ema_at(values, at, 2 * period - 1, 10 * (2 * period - 1))


def rsi_at(close: Series, at: int) -> float:
    ups = [0.0] + [max(close[i] - close[i - 1], 0.0) for i in range(1, len(close))]
    downs = [0.0] + [max(close[i - 1] - close[i], 0.0) for i in range(1, len(close))]
    up, down = wilder_at(ups, at), wilder_at(downs, at)
    return 100 - 100 / (1 + up / down)


def macd_histogram_at(close: Series, at: int) -> float:
    line = {i: ema_at(close, i, 12, 120) - ema_at(close, i, 26, 260) for i in range(at - 89, at + 1)}
    return line[at] - ema_at([line.get(i, 0.0) for i in range(at + 1)], at, 9, 90)


def true_ranges(high: Series, low: Series, close: Series) -> list[float]:
    ranges = [0.0]
    for i in range(1, len(close)):
        ranges.append(max(high[i], close[i - 1]) - min(low[i], close[i - 1]))
    return ranges


def directional_at(high: Series, low: Series, close: Series, at: int) -> tuple[float, float]:
    plus, minus = [0.0], [0.0]
    for i in range(1, len(close)):
        up, down = high[i] - high[i - 1], low[i - 1] - low[i]
        plus.append(up if up > down and up > 0 else 0.0)
        minus.append(down if down > up and down > 0 else 0.0)
    ranges = wilder_at(true_ranges(high, low, close), at)
    return 100 * wilder_at(plus, at) / ranges, 100 * wilder_at(minus, at) / ranges


def adx_at(high: Series, low: Series, close: Series, at: int) -> float:
    strength = [0.0] * len(close)
    for i in range(at - 269, at + 1):
        plus, minus = directional_at(high[: i + 1], low[: i + 1], close[: i + 1], i)
        strength[i] = 100 * abs(plus - minus) / (plus + minus)
    return wilder_at(strength, at)


def stochastic_at(high: Series, low: Series, close: Series, at: int) -> tuple[float, float]:
    def fast(i: int) -> float:
        lowest, highest = min(low[i - 13 : i + 1]), max(high[i - 13 : i + 1])
        return 100 * (close[i] - lowest) / (highest - lowest)

    slow = [sum(fast(i - j) for j in range(3)) / 3 for i in (at - 2, at - 1, at)]
    return slow[-1], sum(slow) / 3


def mean_std(values: Series) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def bollinger_at(close: Series, at: int) -> tuple[float, float, float]:
    mean, std = mean_std(close[at - 19 : at + 1])
    return mean + 2 * std, mean, mean - 2 * std


def width_percentile_at(close: Series, at: int) -> float:
    widths = []
    for i in range(at - 119, at + 1):
        upper, middle, lower = bollinger_at(close, i)
        widths.append((upper - lower) / middle)
    return 100 * sum(width < widths[-1] for width in widths[:-1]) / 119


def signed_volumes(close: Series, volume: Series) -> list[float]:
    signs = [0] + [
        0 if close[i] == close[i - 1] else 1 if close[i] > close[i - 1] else -1 for i in range(1, len(close))
    ]
    return [sign * traded for sign, traded in zip(signs, volume, strict=True)]


def zscore_at(values: Series, at: int, window: int = 50) -> float:
    mean, std = mean_std(values[at - window : at])
    return (values[at] - mean) / std
