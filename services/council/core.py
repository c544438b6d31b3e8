"""From votes to a verdict: quorum, mean, veto and the SELL rule. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import fsum

from services.council.case import Sentiment
from services.council.members.base import Opinion
from services.council.members.sentiment import GREED
from shared.ids import derived_id
from shared.schemas.council import CouncilDecided, Verdict, Vote
from shared.schemas.signals import SignalGenerated

TECHNICAL = frozenset({"technical_trend", "mean_reversion"})
"""Members whose agreement that buying does not pay is needed to sell into greed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`quorum` members must vote; a BUY needs mean probability and score, a SELL a low mean or greed."""

    quorum: int
    buy_above: float
    sell_below: float
    entry_score: float


@dataclass(frozen=True, slots=True)
class Ruling:
    """`probability` is the weighted mean over those that voted, rounded to 1e-6; None where nobody did."""

    verdict: Verdict
    probability: float | None
    quorum: bool
    reason: str
    vetoed_by: tuple[str, ...] = ()


def votes_of(opinions: Mapping[str, Opinion], weights: Mapping[str, float]) -> tuple[Vote, ...]:
    """Opinions with the weights of their members, by name."""
    return tuple(
        Vote(member=name, weight=weights[name], probability=o.probability, veto=o.veto, reason=o.reason)
        for name, o in sorted(opinions.items())
    )


def decide(votes: Sequence[Vote], score: float, sentiment: Sentiment, rules: Rules) -> Ruling:
    """The council's verdict. A veto forbids a BUY and nothing else; without a quorum all is held."""
    voters = [vote for vote in votes if vote.probability is not None]
    mean = mean_probability(voters)
    if mean is None or len(voters) < rules.quorum:
        missing = "; ".join(f"{vote.member}: {vote.reason}" for vote in votes if vote.probability is None)
        return Ruling("HOLD", mean, False, f"{len(voters)} of {rules.quorum} needed voted ({missing})")
    if sell := _sell_reason(voters, mean, sentiment, rules):
        return Ruling("SELL", mean, True, sell)
    if hold := _hold_reason(mean, score, rules):
        return Ruling("HOLD", mean, True, hold)
    if vetoes := [vote for vote in votes if vote.veto]:
        why = "; ".join(f"{vote.member}: {vote.reason}" for vote in vetoes)
        return Ruling("HOLD", mean, True, f"vetoed by {why}", tuple(vote.member for vote in vetoes))
    return Ruling("BUY", mean, True, f"mean {mean:.3f} of {len(voters)} votes, score {score:+.3f}")


def decide_by_score(score: float, rules: Rules) -> Ruling:
    """The verdict without a council."""
    verdict: Verdict = "BUY" if score >= rules.entry_score else "SELL" if score <= -rules.entry_score else "HOLD"
    return Ruling(verdict, None, True, f"score {score:+.3f} against {rules.entry_score:.3f}, no council")


def mean_probability(voters: Sequence[Vote]) -> float | None:
    """Weighted mean, None where nobody with a weight voted. Weights count relative to the largest: none underflows."""
    largest = max((vote.weight for vote in voters), default=0.0)
    if not largest > 0:
        return None
    shares = [vote.weight / largest for vote in voters]
    spoken = [
        share * vote.probability for share, vote in zip(shares, voters, strict=True) if vote.probability is not None
    ]
    return round(fsum(spoken) / fsum(shares), 6)


def _sell_reason(voters: Sequence[Vote], mean: float, sentiment: Sentiment, rules: Rules) -> str:
    if turned_to_greed(sentiment) and _bearish(voters):
        return f"sentiment turned to greed ({sentiment.now:+.2f}) and the technical members are bearish"
    return f"mean {mean:.3f} is at or below {rules.sell_below:.3f}" if mean <= rules.sell_below else ""


def turned_to_greed(sentiment: Sentiment) -> bool:
    """Greedy now, and not greedy (or nothing known) a bar ago."""
    now, before = sentiment.now, sentiment.before
    return now is not None and now >= GREED and (before is None or before < GREED)


def _bearish(voters: Sequence[Vote]) -> bool:
    against = {vote.member for vote in voters if vote.probability is not None and vote.probability < 0.5}
    return against >= TECHNICAL


def _hold_reason(mean: float, score: float, rules: Rules) -> str:
    if score < rules.entry_score:
        return f"score {score:+.3f} is below {rules.entry_score:.3f}"
    return f"mean {mean:.3f} is below {rules.buy_above:.3f}" if mean < rules.buy_above else ""


def decision(signal: SignalGenerated, votes: tuple[Vote, ...], ruling: Ruling) -> CouncilDecided:
    """The ruling on a signal as everybody hears it."""
    atr = signal.technicals.atr14
    return CouncilDecided(
        message_id=derived_id("CouncilDecided", signal.message_id),
        causation_id=signal.message_id,
        occurred_at=signal.occurred_at,
        symbol=signal.symbol,
        timeframe=signal.timeframe,
        signal_id=signal.message_id,
        verdict=ruling.verdict,
        probability=ruling.probability,
        quorum=ruling.quorum,
        vetoed_by=ruling.vetoed_by,
        reason=ruling.reason,
        votes=votes,
        score=signal.score,
        contributions=signal.contributions,
        price=signal.price,
        atr=exact(atr) if atr is not None and atr > 0 else None,
        cost=Decimal(0),
        expires_at=signal.expires_at,
    )


def exact(value: float) -> Decimal:
    """An indicator's value at the edge to exact numbers: 10 significant digits of it."""
    return Decimal(f"{value:.10g}")
