"""The settings that decide: those of a desk as its recording keeps them, never a secret, never a place."""

import json
from collections.abc import Mapping

from pydantic import SecretStr

from shared.config import Settings
from shared.telemetry import mask

PLACES = frozenset({"data_dir", "log_level", "tracing", "instance", "health_port", "api_port", "venue_url"})
"""Where things are and how they are watched: another machine's business."""

TELLING = "alert_"
"""How the settings begin by which people are told; no message depends on them."""


def deciding(settings: Settings) -> dict[str, str]:
    """Name to value, as an environment variable would have it."""
    values = settings.model_dump(mode="json", exclude=set(PLACES))
    secrets = {name for name in values if isinstance(getattr(settings, name), SecretStr)}
    left_out = secrets | {name for name in values if name.startswith(TELLING)}
    kept = {name: value for name, value in values.items() if name not in left_out and mask(value, name) == value}
    return {name.upper(): _text(value) for name, value in kept.items()}


def environment(given: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Our environment with the recorded settings and no other."""
    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in ours.items() if name.upper() not in names} | dict(given)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)
