"""Has the price run too far from its mean to be bought, or fallen so far that it should be?"""

from services.council.case import Case
from services.council.members.base import Opinion, chance, clipped, leaning

RSI, BANDS, FOR, AGAINST = 0.25, 0.10, 0.15, 0.60
NEUTRAL_RSI = 10.0


class MeanReversion:
    """probability = 0.5 + 0.25 * oversold + 0.10 * low in the bands + 0.15 * ensemble score (0.60 where negative).

    oversold is (50 - RSI) / 25 beyond a neutral zone of 10 points, low in the bands (middle - close) / half-width.
    """

    name = "mean_reversion"

    async def vote(self, case: Case) -> Opinion:
        t = case.signal.technicals
        if t.rsi14 is None or t.bb_upper is None or t.bb_middle is None:
            return Opinion(None, "too few bars for RSI and the bands")
        half_width = t.bb_upper - t.bb_middle
        low_in_bands = clipped((t.bb_middle - t.close) / half_width) if half_width > 0 else 0.0
        edge = RSI * _oversold(t.rsi14) + BANDS * low_in_bands + leaning(case.signal.score, FOR, AGAINST)
        return Opinion(chance(edge), f"RSI {t.rsi14:.1f}, {-low_in_bands:+.2f} of the way from the mean to a band")


def _oversold(rsi: float) -> float:
    away = 50.0 - rsi
    beyond = max(abs(away) - NEUTRAL_RSI, 0.0)
    return clipped(beyond if away > 0 else -beyond, 25.0)
