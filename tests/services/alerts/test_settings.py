import pytest

from shared.config import load_settings
from shared.errors import ConfigError


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("alert_quiet_hours", "22-7", "ALERT_QUIET_HOURS"),
        ("alert_quiet_hours", "22:00-24:00", "ALERT_QUIET_HOURS"),
        ("alert_quiet_hours", "07:00-07:00", "ALERT_LEAST_SEVERITY"),
        ("alert_time_zone", "Berlin", "ALERT_TIME_ZONE: .*IANA name like Europe/Berlin"),
        ("alert_time_zone", "../../etc/passwd", "ALERT_TIME_ZONE"),
        ("alert_least_severity", "loud", "ALERT_LEAST_SEVERITY"),
        ("alert_repeat_after", "-PT1M", "ALERT_REPEAT_AFTER"),
        ("alert_repeat_after", "P2D", "ALERT_REPEAT_AFTER"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_settings(**{name: value})


def test_good_settings_are_taken() -> None:
    found = load_settings(alert_quiet_hours="22:00-07:30", alert_time_zone="Europe/Berlin", alert_repeat_after="PT1H")
    assert (found.alert_quiet_hours, found.alert_time_zone) == ("22:00-07:30", "Europe/Berlin")


def test_addresses_do_not_print() -> None:
    assert "sekret" not in repr(load_settings(alert_urls="json://sekret"))
