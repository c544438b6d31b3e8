"""A recording's settings make the same desk, and hold no secret and no place."""

from pathlib import Path

from pydantic import SecretStr

from shared.config import Settings, load_settings
from shared.recording.settings import PLACES, deciding, environment

SECRETS = {"database_url", "redis_url", "kraken_api_key", "kraken_private_key", "alert_urls"}


def test_no_secret_and_no_place_is_kept() -> None:
    given = {name: f"postgres://u:hunter2-{name}@h/d" for name in SECRETS}
    settings = load_settings(**given, data_dir=Path("/hunter2"), venue_url="http://u:hunter2@h", _env_file=None)
    assert all(isinstance(getattr(settings, name), SecretStr) for name in SECRETS)
    kept = deciding(settings)
    assert "hunter2" not in str(kept)
    assert not {name.lower() for name in kept} & (SECRETS | PLACES)


def test_what_decides_comes_back_as_it_was() -> None:
    unusual = {"symbols": "ETH/EUR,BTC/EUR", "decision_ttl": "PT3M", "risk_per_trade": "0.015", "learning": "off"}
    settings = load_settings(**unusual, playback_speed=0, entry_score=0.1, max_positions=3, _env_file=None)
    again = load_settings(**{name.lower(): value for name, value in deciding(settings).items()}, _env_file=None)
    assert deciding(again) == deciding(settings)
    assert (again.symbols, again.decision_ttl, again.lockstep) == (settings.symbols, settings.decision_ttl, True)


def test_our_own_settings_do_not_reach_a_replay() -> None:
    ours = {"PATH": "/bin", "MAX_POSITION": "0.9", "kraken_api_key": "k", "COUNCIL": "none"}
    assert environment({"COUNCIL": "rules"}, ours) == {"PATH": "/bin", "COUNCIL": "rules"}


def test_every_setting_is_kept_or_left_out_on_purpose() -> None:
    kept = {name.lower() for name in deciding(load_settings(_env_file=None))}
    left_out = Settings.model_fields.keys() - kept
    assert {name for name in left_out if not name.startswith("alert_")} == PLACES | (SECRETS - {"alert_urls"})
