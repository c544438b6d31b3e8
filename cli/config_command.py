"""`parley config`: every setting with its meaning, value and source; secrets masked."""

import json
import os
import sys
from pathlib import Path

from dotenv import dotenv_values
from pydantic import SecretStr

from cli.output import AsJson, console, table
from shared.config import Settings, load_settings


def config(as_json: AsJson = False) -> None:
    """Every setting: its value, where it comes from, and what it means."""
    settings = load_settings()
    rows = [
        (name.upper(), shown(getattr(settings, name)), source(name), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        keys = ("name", "value", "source", "meaning")
        sys.stdout.write(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2) + "\n")
    else:
        console.print(table("Settings", ("name", "value", "from", "meaning"), rows))


def shown(value: object) -> str:
    """A value as text; of a secret only whether it is set."""
    if isinstance(value, SecretStr):
        return "********" if value.get_secret_value() else "(empty)"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)


def source(name: str) -> str:
    """environment, .env or default."""
    if any(key.lower() == name and value for key, value in os.environ.items()):
        return "environment"
    if Path(".env").exists() and any(key.lower() == name and value for key, value in dotenv_values(".env").items()):
        return ".env"
    return "default"
