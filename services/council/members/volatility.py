"""Is the market moving too wildly, or has it just run away?"""

from math import sqrt

from services.council.case import Case
from services.council.members.base import Opinion, chance, clipped

CALM = 0.04
WILD_PER_ROOT_MINUTE = 0.45
CHASED_FRACTION, CHASED_ATR = 0.05, 4.0


class Volatility:
    """probability = 0.5 + 0.04 * (room below the wild bound, 1 when calm and -1 at the bound).

    The bound for ATR(14) / close grows with the square root of the bar's minutes, as a random walk's range does:
    0.45 % * sqrt(minutes), that is 1.0 % at 5m, 1.7 % at 15m, 3.5 % at 1h. At or above it the member forbids
    buying, and also where three bars have already risen by 5 % or by 4 ATR: what has run away isn't chased.
    """

    name = "volatility"

    def __init__(self, minutes: int) -> None:
        self._wild = WILD_PER_ROOT_MINUTE * sqrt(minutes)

    async def vote(self, case: Case) -> Opinion:
        t = case.signal.technicals
        if t.volatility_pct is None or t.change_3 is None:
            return Opinion(None, "too few bars for ATR")
        room = clipped(1.0 - 2.0 * t.volatility_pct / self._wild)
        seen = f"ATR {t.volatility_pct:.2f} % of the price, {self._wild:.2f} % is wild"
        if t.volatility_pct >= self._wild:
            return Opinion(chance(CALM * room), seen, veto=True)
        run = 100.0 * t.change_3
        if run >= min(100.0 * CHASED_FRACTION, CHASED_ATR * t.volatility_pct) and run > 0:
            return Opinion(chance(CALM * room), f"up {run:.2f} % in three bars: not chased; {seen}", veto=True)
        return Opinion(chance(CALM * room), seen)
