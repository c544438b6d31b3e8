from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.council.case import Sentiment
from services.council.core import Rules, decide, decide_by_score, decision, exact, votes_of
from services.council.members.base import Opinion
from shared.ids import derived_id
from shared.schemas.council import Vote
from tests.services.council.cases import RISING, signal

RULES = Rules(quorum=3, buy_above=0.56, sell_below=0.42, entry_score=0.35)
CALM = Sentiment()
TURNED = Sentiment(0.7, 0.2)
NAMES = ("technical_trend", "mean_reversion", "volatility", "sentiment", "portfolio")


def votes(*probabilities: float | None, vetoes: tuple[str, ...] = ()) -> tuple[Vote, ...]:
    opinions = {
        name: Opinion(probability, "because", name in vetoes)
        for name, probability in zip(NAMES, probabilities, strict=False)
    }
    return votes_of(opinions, dict.fromkeys(NAMES, 0.2))


def test_a_convinced_council_buys() -> None:
    ruling = decide(votes(0.6, 0.6, 0.6), 0.5, CALM, RULES)
    assert (ruling.verdict, ruling.probability, ruling.quorum, ruling.vetoed_by) == ("BUY", 0.6, True, ())


@pytest.mark.parametrize(
    ("probability", "score", "verdict"),
    [
        (0.56, 0.35, "BUY"),
        (0.559999, 0.35, "HOLD"),
        (0.56, 0.349999, "HOLD"),
        (0.42, 0.5, "SELL"),
        (0.420001, 0.5, "HOLD"),
        (0.42, -0.9, "SELL"),
    ],
)
def test_thresholds_belong_to_the_verdict(probability: float, score: float, verdict: str) -> None:
    assert decide(votes(probability, probability, probability), score, CALM, RULES).verdict == verdict


def test_votes_count_by_weight_and_abstentions_not_at_all() -> None:
    opinions = {"a": Opinion(0.9, ""), "b": Opinion(0.5, ""), "c": Opinion(0.1, ""), "d": Opinion(None, "")}
    weighed = votes_of(opinions, {"a": 0.4, "b": 0.1, "c": 0.1, "d": 0.4})
    assert decide(weighed, 0.5, CALM, RULES).probability == pytest.approx((0.36 + 0.05 + 0.01) / 0.6, abs=1e-6)


def test_a_missed_quorum_holds_and_says_who_abstained() -> None:
    ruling = decide(votes(0.9, 0.9, None), 0.9, CALM, RULES)
    assert (ruling.verdict, ruling.quorum, ruling.probability) == ("HOLD", False, 0.9)
    assert ruling.reason == "2 of 3 needed voted (volatility: because)"


def test_a_missed_quorum_sells_nothing_either() -> None:
    assert decide(votes(0.1, 0.1, None), -0.9, TURNED, RULES).verdict == "HOLD"


def test_a_silent_council_has_no_probability() -> None:
    assert decide(votes(None, None, None), 0.9, CALM, RULES).probability is None


def test_voters_without_any_weight_decide_nothing() -> None:
    weightless = votes_of({name: Opinion(0.9, "") for name in NAMES}, dict.fromkeys(NAMES, 0.0))
    assert decide(weightless, 0.9, CALM, RULES).verdict == "HOLD"


def test_a_veto_turns_a_buy_into_a_hold_and_names_its_author() -> None:
    ruling = decide(votes(0.9, 0.9, 0.9, vetoes=("volatility",)), 0.9, CALM, RULES)
    assert (ruling.verdict, ruling.vetoed_by) == ("HOLD", ("volatility",))
    assert ruling.reason == "vetoed by volatility: because"


def test_a_veto_forbids_no_sale() -> None:
    ruling = decide(votes(0.1, 0.1, 0.1, vetoes=("volatility",)), 0.0, CALM, RULES)
    assert (ruling.verdict, ruling.vetoed_by) == ("SELL", ())


def test_a_veto_against_what_nobody_buys_stays_with_its_vote() -> None:
    assert decide(votes(0.5, 0.5, 0.5, vetoes=("volatility",)), 0.9, CALM, RULES).vetoed_by == ()


def test_a_turn_to_greed_sells_against_the_mean_where_both_technical_members_are_bearish() -> None:
    ruling = decide(votes(0.49, 0.49, 0.9, 0.9, 0.9), 0.9, TURNED, RULES)
    assert (ruling.verdict, ruling.probability) == ("SELL", 0.736)


@pytest.mark.parametrize(
    ("ballot", "sentiment"),
    [
        ((0.5, 0.49, 0.9, 0.9), TURNED),
        ((0.49, 0.5, 0.9, 0.9), TURNED),
        ((0.49, None, 0.9, 0.9), TURNED),
        ((0.49, 0.49, 0.9, 0.9), Sentiment(0.7, 0.6)),
        ((0.49, 0.49, 0.9, 0.9), Sentiment(0.599999, 0.2)),
        ((0.49, 0.49, 0.9, 0.9), Sentiment(None, 0.2)),
    ],
)
def test_greed_alone_or_bears_alone_sell_nothing(ballot: tuple[float | None, ...], sentiment: Sentiment) -> None:
    assert decide(votes(*ballot), 0.0, sentiment, RULES).verdict == "HOLD"


def test_greed_after_silence_is_a_turn() -> None:
    assert decide(votes(0.49, 0.49, 0.9), 0.0, Sentiment(0.6, None), RULES).verdict == "SELL"


@pytest.mark.parametrize(("score", "verdict"), [(0.35, "BUY"), (0.349, "HOLD"), (-0.349, "HOLD"), (-0.35, "SELL")])
def test_without_a_council_the_score_decides(score: float, verdict: str) -> None:
    ruling = decide_by_score(score, RULES)
    assert (ruling.verdict, ruling.probability, ruling.quorum) == (verdict, None, True)


def test_weights_near_zero_still_average() -> None:
    tiny = [Vote(member=n, weight=5e-324, probability=0.5, veto=False, reason="because") for n in NAMES[:3]]
    assert decide(tiny, 0.5, Sentiment(None, None), RULES).probability == 0.5


chances = st.none() | st.floats(0, 1)
ballots = st.lists(
    st.builds(
        Vote,
        member=st.sampled_from(NAMES),
        weight=st.floats(0, 1),
        probability=chances,
        veto=st.booleans(),
        reason=st.just("because"),
    ),
    max_size=5,
    unique_by=lambda vote: vote.member,
)
moods = st.builds(Sentiment, st.none() | st.floats(-1, 1), st.none() | st.floats(-1, 1))


@given(ballot=ballots, score=st.floats(-1, 1), mood=moods)
def test_whatever_the_votes_the_rules_hold(ballot: list[Vote], score: float, mood: Sentiment) -> None:
    ruling = decide(ballot, score, mood, RULES)
    spoken = [vote.probability for vote in ballot if vote.probability is not None]
    if ruling.probability is not None:
        assert min(spoken) - 1e-6 <= ruling.probability <= max(spoken) + 1e-6
    if ruling.verdict == "BUY":
        assert score >= 0.35
        assert ruling.probability is not None
        assert ruling.probability >= 0.56
        assert not any(vote.veto for vote in ballot)
    if ruling.verdict != "HOLD" or ruling.vetoed_by:
        assert ruling.quorum
    assert ruling.quorum is (len(spoken) >= 3 and ruling.probability is not None)
    backwards = decide(ballot[::-1], score, mood, RULES)
    assert (ruling.verdict, ruling.probability) == (backwards.verdict, backwards.probability)


def test_a_decision_carries_what_the_executor_needs() -> None:
    about = signal(0.5, RISING.model_copy(update={"atr14": 1.2345678901234}))
    decided = decision(about, votes(0.6, 0.6, 0.6), decide(votes(0.6, 0.6, 0.6), 0.5, CALM, RULES))
    assert decided.message_id == derived_id("CouncilDecided", about.message_id)
    assert (decided.causation_id, decided.signal_id) == (about.message_id, about.message_id)
    assert (decided.occurred_at, decided.expires_at) == (about.occurred_at, about.expires_at)
    assert (decided.price, decided.atr, decided.cost) == (about.price, Decimal("1.23456789"), Decimal(0))
    assert (decided.score, decided.contributions) == (about.score, about.contributions)


@pytest.mark.parametrize("atr", [None, 0.0])
def test_no_atr_is_none(atr: float | None) -> None:
    flat = signal(0.5, RISING.model_copy(update={"atr14": atr}))
    assert decision(flat, (), decide_by_score(0.5, RULES)).atr is None


def test_indicators_become_exact_with_ten_digits() -> None:
    assert [exact(value) for value in (0.1, 12345.678901234, 1e-9)] == [
        Decimal("0.1"),
        Decimal("12345.6789"),
        Decimal("1e-9"),
    ]
