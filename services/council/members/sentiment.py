"""What does the crowd read, and is it greedy?"""

from services.council.case import Case
from services.council.members.base import Opinion, chance

GREED = 0.6
REACH, GREEDY_EDGE = 0.25, -0.10


class Sentiment:
    """probability = 0.5 + 0.25 * sentiment below greed (0.6), and 0.40 from there on: who would buy has bought."""

    name = "sentiment"

    async def vote(self, case: Case) -> Opinion:
        level = case.sentiment.now
        if level is None:
            return Opinion(None, "no news is known")
        if level >= GREED:
            return Opinion(chance(GREEDY_EDGE), f"greed: sentiment {level:+.2f}")
        return Opinion(chance(REACH * level), f"sentiment {level:+.2f}")
