from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.council.case import Sentiment as Mood
from services.council.members.base import chance
from services.council.members.mean_reversion import MeanReversion
from services.council.members.portfolio import Portfolio
from services.council.members.sentiment import Sentiment
from services.council.members.technical_trend import TechnicalTrend
from services.council.members.volatility import Volatility
from shared.schemas.signals import Technicals
from tests.services.council.cases import FALLING, NOON, RISING, SOUND, case

BARE = Technicals(close=110.0)
MEMBERS = (TechnicalTrend(), MeanReversion(), Volatility(5), Sentiment(), Portfolio(5, Decimal("0.05"), 0.15))


def changed(base: Technicals, **values: float | None) -> Technicals:
    return base.model_copy(update=values)


@given(edge=st.floats(-10, 10))
def test_no_rule_is_certain(edge: float) -> None:
    assert 0.05 <= chance(edge) <= 0.95


async def test_trend_with_all_signs_up_and_strong_is_as_sure_as_rules_get() -> None:
    assert (await TechnicalTrend().vote(case(0.5))).probability == 0.95


async def test_trend_counts_signs_by_the_force_of_the_move() -> None:
    # 4 of 5 up, 1 down: 3/5; ADX 20 is half way between no force (0.6) and full (1.0)
    weak = changed(RISING, adx14=20.0, macd_hist=-0.1)
    opinion = await TechnicalTrend().vote(case(0.0, weak))
    assert opinion.probability == pytest.approx(0.5 + 0.5 * 0.8 * 3 / 5)
    assert opinion.reason == "4 of 5 signs up, 1 down, ADX 20.0"


async def test_bearish_strategies_weigh_more_than_bullish_ones() -> None:
    flat = changed(RISING, ema20=106.0, ema50=106.0, ema200=110.0, macd_hist=-0.1, adx14=0.0, plus_di=0.0, minus_di=0.0)
    votes = [(await TechnicalTrend().vote(case(score, flat))).probability for score in (0.0, 0.5, -0.5)]
    assert votes == [0.5, 0.55, 0.3]


@pytest.mark.parametrize(
    ("rsi", "close", "expected"),
    [(50.0, 110.0, 0.5), (41.0, 110.0, 0.5), (15.0, 110.0, 0.75), (85.0, 114.0, 0.15), (50.0, 106.0, 0.6)],
)
async def test_mean_reversion_buys_the_exhausted_and_the_low_in_the_bands(
    rsi: float, close: float, expected: float
) -> None:
    opinion = await MeanReversion().vote(case(0.0, changed(RISING, rsi14=rsi, close=close)))
    assert opinion.probability == pytest.approx(expected)


async def test_bands_without_width_say_nothing() -> None:
    flat = changed(RISING, bb_upper=110.0, close=110.0, rsi14=50.0)
    assert (await MeanReversion().vote(case(0.0, flat))).probability == 0.5


@pytest.mark.parametrize(("percent", "vetoes"), [(1.006, False), (1.007, True)])
async def test_wild_markets_are_not_bought(percent: float, vetoes: bool) -> None:
    # 0.45 % * sqrt(5 minutes) = 1.00623 %
    opinion = await Volatility(5).vote(case(0.0, changed(RISING, volatility_pct=percent)))
    assert opinion.veto is vetoes


async def test_what_is_wild_in_minutes_is_calm_in_hours() -> None:
    wild = case(0.0, changed(RISING, volatility_pct=1.5))
    assert [(await Volatility(minutes).vote(wild)).veto for minutes in (5, 60)] == [True, False]


@pytest.mark.parametrize(
    ("change", "percent", "vetoes"),
    [(0.0499, 1.3, False), (0.05, 1.3, True), (0.0199, 0.5, False), (0.02, 0.5, True), (-0.2, 0.5, False)],
)
async def test_what_has_run_away_is_not_chased(change: float, percent: float, vetoes: bool) -> None:
    opinion = await Volatility(60).vote(case(0.0, changed(RISING, change_3=change, volatility_pct=percent)))
    assert opinion.veto is vetoes


async def test_a_market_that_stands_still_is_not_chased() -> None:
    assert not (await Volatility(5).vote(case(0.0, changed(RISING, change_3=0.0, volatility_pct=0.0)))).veto


@pytest.mark.parametrize(("level", "expected"), [(0.4, 0.6), (-0.4, 0.4), (0.599, 0.64975), (0.6, 0.4)])
async def test_sentiment_is_followed_until_it_is_greed(level: float, expected: float) -> None:
    assert (await Sentiment().vote(case(sentiment=Mood(level)))).probability == pytest.approx(expected)


async def test_free_books_lean_to_buying_and_full_ones_against() -> None:
    full = replace(SOUND, open_trades=5)
    votes = [(await MEMBERS[4].vote(case(portfolio=books))).probability for books in (SOUND, full)]
    assert votes == [0.52, 0.48]


@pytest.mark.parametrize(
    ("books", "why"),
    [
        (replace(SOUND, drawdown=0.1501), "drawdown 15.01 % is above 15 %"),
        (replace(SOUND, day_pnl=Decimal(-400)), "the day's realised loss of 400.00 is near its limit"),
        (replace(SOUND, held_since=NOON), "held already since 2026-03-02 12:00 UTC"),
    ],
)
async def test_books_in_trouble_are_not_burdened_further(books: object, why: str) -> None:
    opinion = await Portfolio(5, Decimal("0.05"), 0.15).vote(case(portfolio=books))  # type: ignore[arg-type]
    assert (opinion.veto, opinion.reason) == (True, why)


@pytest.mark.parametrize("books", [replace(SOUND, drawdown=0.15), replace(SOUND, day_pnl=Decimal("-399.99"))])
async def test_at_the_bound_and_just_above_it_buying_is_still_allowed(books: object) -> None:
    opinion = await Portfolio(5, Decimal("0.05"), 0.15).vote(case(portfolio=books))  # type: ignore[arg-type]
    assert not opinion.veto


async def test_who_lacks_a_fact_abstains_and_says_which() -> None:
    unknown = replace(SOUND, equity=None)
    opinions = [await member.vote(case(0.9, BARE, unknown)) for member in MEMBERS]
    assert [opinion.probability for opinion in opinions] == [None] * 5
    assert [opinion.reason for opinion in opinions] == [
        "too few bars for the averages",
        "too few bars for RSI and the bands",
        "too few bars for ATR",
        "no news is known",
        "equity is not known yet",
    ]


async def test_the_technical_members_argue_against_a_tired_rally_in_a_falling_market() -> None:
    votes = [(await member.vote(case(0.0, FALLING))).probability for member in MEMBERS[:2]]
    assert all(vote is not None and vote < 0.5 for vote in votes)
