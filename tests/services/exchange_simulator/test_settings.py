"""Settings from the command line and the environment."""

from decimal import Decimal

import pytest

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.settings import read_settings


def test_the_command_line_wins_over_the_environment() -> None:
    environment = {"PARLEY_SIM_PORT": "1", "PARLEY_SIM_SPEED": "max", "PARLEY_SIM_DATA": "a.csv;ETH/USD=b.csv"}
    read = read_settings(["--port", "2"], environment)
    assert (read.port, read.speed, read.data) == (2, None, ("a.csv", "ETH/USD=b.csv"))


def test_defaults_are_krakens_fees_and_a_small_account() -> None:
    read = read_settings(["--market", "seeded", "--fast-keys"], {})
    assert (read.taker_fee, read.maker_fee, read.balance) == (Decimal("0.0026"), Decimal("0.0016"), Decimal(10000))
    assert (read.speed, read.fast_keys, read.half_spread_bps) == (1.0, True, Decimal(1))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no market"),
        (["--market", "seeded", "--data", "x"], "exclude each other"),
        (["--data", "x", "--port", "70000"], "--port 70000 is outside"),
        (["--data", "x", "--seed", "one"], "no whole number"),
        (["--data", "x", "--speed", "fast"], "neither a number nor max"),
        (["--data", "x", "--speed", "nan"], "outside 0.01"),
        (["--data", "x", "--balance", "-1"], "outside 0"),
        (["--data", "x", "--balance", "lots"], "no number"),
        (["--data", "x", "--taker-fee", "NaN"], "outside 0"),
        (["--data", "x", "--api-secret", "not base64!"], "not base64"),
    ],
)
def test_a_wrong_setting_is_named(arguments: list[str], complaint: str) -> None:
    with pytest.raises(BadConfiguration, match=complaint):
        read_settings(arguments, {})
