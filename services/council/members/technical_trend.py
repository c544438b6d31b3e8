"""Is the trend with a buyer?"""

from services.council.case import Case
from services.council.members.base import Opinion, chance, clipped, leaning

TREND, FOR, AGAINST = 0.50, 0.10, 0.40
LEAST_FORCE, STRONG_ADX = 0.6, 40.0


class TechnicalTrend:
    """probability = 0.5 + 0.50 * trend + 0.10 * ensemble score, or + 0.40 * score where the score is negative.

    trend is the mean of five signs (close against EMA 200, EMA 20 against EMA 50, close against EMA 20, MACD
    histogram, +DI against -DI), at full force from ADX 40 on and at 0.6 of it without any.
    """

    name = "technical_trend"

    async def vote(self, case: Case) -> Opinion:
        t = case.signal.technicals
        if t.ema20 is None or t.ema50 is None or t.ema200 is None:
            return Opinion(None, "too few bars for the averages")
        if t.adx14 is None or t.plus_di is None or t.minus_di is None or t.macd_hist is None:
            return Opinion(None, "too few bars for ADX and MACD")
        gaps = (t.close - t.ema200, t.ema20 - t.ema50, t.close - t.ema20, t.macd_hist, t.plus_di - t.minus_di)
        ups, downs = sum(gap > 0 for gap in gaps), sum(gap < 0 for gap in gaps)
        force = LEAST_FORCE + (1.0 - LEAST_FORCE) * clipped(t.adx14, STRONG_ADX)
        edge = TREND * force * (ups - downs) / len(gaps) + leaning(case.signal.score, FOR, AGAINST)
        return Opinion(chance(edge), f"{ups} of {len(gaps)} signs up, {downs} down, ADX {t.adx14:.1f}")
