"""Settings are read in one file, described, and shown in .env.example."""

import os
import re
import socket
from pathlib import Path

import pytest

from shared.config import Settings, load_settings
from shared.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [re.match(r"#? ?([A-Z_]+)=(.*)$", line) for line in lines]
    return {pair[1]: pair[2] for pair in pairs if pair}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert set(example()) == {name.upper() for name in Settings.model_fields}


def test_the_example_is_valid_as_it_stands() -> None:
    load_settings(_env_file=ROOT / ".env.example")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_says_what_it_means(name: str) -> None:
    assert Settings.model_fields[name].description


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("symbols", "BTC/USD,ETH/EUR", "mixed quotes"),
        ("symbols", "", "SYMBOLS"),
        ("symbols", "BTC/USD,BTC/USD", "twice"),
        ("symbols", "bitcoin", r"SYMBOLS: is no pair; write pairs like BTC/USD \(got 'bitcoin'\)$"),
        ("initial_balance", "-5", "INITIAL_BALANCE"),
        ("initial_balance", "lots", "INITIAL_BALANCE"),
        ("timeframe", "7m", "TIMEFRAME"),
        ("partitions", "0", "PARTITIONS"),
        ("desk", "My Desk", "DESK"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_wrong(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(**{name: value})


@pytest.mark.parametrize("given", [None, ""])
def test_a_process_without_a_name_gets_one_that_no_other_on_its_host_has(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.delenv("INSTANCE", raising=False)
    if given is not None:
        monkeypatch.setenv("INSTANCE", given)
    assert load_settings(_env_file=None).instance == f"{socket.gethostname()}-{os.getpid()}"


def test_secrets_do_not_print() -> None:
    settings = load_settings(kraken_api_key="very-secret", database_url="postgresql://u:very-secret@h/d")
    assert "very-secret" not in repr(settings)


def test_the_environment_is_read_in_one_file() -> None:
    allowed = {"shared/config.py", "shared/redis_streams/crash.py", "shared/embedded/postgres.py"}
    for path in [*(ROOT / "shared").rglob("*.py"), *(ROOT / "services").rglob("*.py")]:
        name = str(path.relative_to(ROOT))
        if name in allowed or "exchange_simulator" in name:
            continue
        assert not re.search(r"os\.(environ|getenv)", path.read_text()), f"{name} reads the environment"
