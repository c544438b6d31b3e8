"""By hand, and where a figure is not defined. Agreement with backtesting.py: test_against_backtesting.py."""

from math import sqrt

import numpy as np
import pytest

from backtester.metrics import ratios
from tests.backtester.metrics.curves import HOUR, curve

UPS_AND_DOWNS = np.array([0.03, -0.01, 0.02, -0.02])  # mean 0.005; squares about it 6.25 + 2.25 + 2.25 + 6.25 e-4
SPREAD = sqrt(17e-4 / 3)
STEADY = curve([100 * 1.001**bar for bar in range(50)]).returns
NONE_YET = np.empty(0)


def test_volatility_grows_with_the_root_of_time() -> None:
    assert ratios.volatility(UPS_AND_DOWNS, 100) == pytest.approx(SPREAD * 10)


def test_sharpe_by_hand() -> None:
    assert ratios.sharpe(UPS_AND_DOWNS, 100) == pytest.approx(0.005 / SPREAD * 10)


def test_sharpe_is_of_returns_above_the_risk_free_rate() -> None:
    a_year = 1.001**100 - 1
    assert ratios.sharpe(UPS_AND_DOWNS, 100, a_year) == pytest.approx(0.004 / SPREAD * 10)


def test_sortino_counts_every_period_in_the_shortfall() -> None:
    shortfall = sqrt((0.01**2 + 0.02**2) / 4)
    assert ratios.sortino(UPS_AND_DOWNS, 100) == pytest.approx(0.005 / shortfall * 10)


def test_sortino_falls_short_of_the_risk_free_rate() -> None:
    shortfall = sqrt((0.011**2 + 0.021**2) / 4)
    assert ratios.sortino(UPS_AND_DOWNS, 100, 1.001**100 - 1) == pytest.approx(0.004 / shortfall * 10)


def test_compounded_volatility_is_that_of_the_product_of_independent_returns() -> None:
    draws = np.random.default_rng(1).choice([1.03, 0.99, 1.02, 0.98], size=(400_000, 20)).prod(axis=1)
    found = ratios.volatility(np.tile(UPS_AND_DOWNS, 500), 20, compounded=True)
    assert found == pytest.approx(draws.std(), rel=0.01)


def test_cagr_is_over_calendar_time() -> None:
    assert ratios.cagr(curve([100.0] + [200.0] * 1461)) == pytest.approx(2 ** (1 / 4) - 1)


def test_calmar_is_growth_over_depth() -> None:
    assert ratios.calmar(0.3, 0.15) == 2.0


def test_growth_that_no_float_holds_is_not_defined() -> None:
    assert ratios.cagr(curve([100.0, 150.0], bar=HOUR // 60)) is None
    assert ratios.annual_return(np.array([0.5]), 525_960) is None
    for returns in ([0.5, 0.6], [-0.5, 1.0], [-0.9, -0.1]):
        assert ratios.volatility(np.array(returns), 525_960, compounded=True) is None
        assert ratios.sharpe(np.array(returns), 525_960, compounded=True) is None


def test_growth_and_variance_that_only_together_leave_float_are_not_defined() -> None:
    assert ratios.volatility(np.array([0.4, 1.4]), 530, compounded=True) is None


def test_volatility_too_small_for_a_float_gives_no_ratio() -> None:
    falling = np.array([-0.5, -0.5 + 1e-9])
    assert ratios.volatility(falling, 525_960, compounded=True) == 0.0
    assert ratios.sharpe(falling, 525_960, compounded=True) is None


@pytest.mark.parametrize("compounded", [True, False])
def test_ratios_of_what_does_not_vary_are_not_defined(compounded: bool) -> None:
    for returns in (NONE_YET, np.array([0.1]), np.zeros(9), np.full(9, 0.1), STEADY):
        assert ratios.sharpe(returns, 365.25, compounded=compounded) is None
        assert ratios.sortino(returns, 365.25, compounded=compounded) is None


def test_what_does_not_vary_has_no_volatility_and_what_is_not_there_no_known_one() -> None:
    assert ratios.volatility(STEADY, 365.25) == 0.0
    assert ratios.volatility(np.array([0.1]), 365.25) is None


def test_sortino_without_a_loss_is_not_defined() -> None:
    assert ratios.sortino(np.array([0.01, 0.02, 0.0]), 365.25) is None


def test_calmar_without_a_drawdown_is_not_defined() -> None:
    assert ratios.calmar(0.3, 0.0) is None
    assert ratios.calmar(None, 0.3) is None


def test_loss_of_everything_has_no_geometric_mean() -> None:
    assert ratios.annual_return(np.array([0.1, -1.0]), 365.25) is None
    assert ratios.volatility(np.array([0.1, -1.0]), 365.25, compounded=True) is None
    assert ratios.sharpe(np.array([0.1, -1.0]), 365.25, compounded=True) is None


def test_single_bar_has_no_return() -> None:
    assert ratios.total_return(curve([100])) is None
    assert ratios.cagr(curve([100])) is None
    assert ratios.cagr(curve([100, 0])) is None
    assert ratios.total_return(curve([100, 0])) == -1.0


def test_var_and_cvar_of_forty_days_by_hand() -> None:
    days = np.random.default_rng(3).permutation(np.arange(-10, 30) / 100)
    assert ratios.value_at_risk(days) == pytest.approx(0.08)  # two of forty are worse
    assert ratios.conditional_value_at_risk(days) == pytest.approx((0.10 + 0.09) / 2)


def test_cvar_takes_a_part_of_the_day_at_the_edge() -> None:
    days = np.arange(-10, 40) / 100  # 5 % of 50 are 2.5
    assert ratios.value_at_risk(days) == pytest.approx(0.08)
    assert ratios.conditional_value_at_risk(days) == pytest.approx((0.10 + 0.09 + 0.08 / 2) / 2.5)


def test_no_tail_below_twenty_days() -> None:
    assert ratios.value_at_risk(np.zeros(19)) is None
    assert ratios.conditional_value_at_risk(np.zeros(19)) is None
    assert ratios.value_at_risk(np.zeros(20)) == 0.0


def test_cvar_is_never_below_var() -> None:
    for seed in range(50):
        days = np.random.default_rng(seed).standard_t(3, size=20 + seed)
        var, cvar = ratios.value_at_risk(days), ratios.conditional_value_at_risk(days)
        assert var is not None
        assert cvar is not None
        assert cvar >= var
