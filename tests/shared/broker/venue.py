"""The exchange simulator as a process of its own: started, asked, killed and started again on the same port."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from pydantic import SecretStr

from shared.broker.kraken_client import VenueAccess

REPOSITORY = Path(__file__).parents[3]
KEY = "contract"
SECRET = "Y29udHJhY3QtdGVzdHMtYW5kLW5vdGhpbmctZWxzZQ=="


class Venue:
    """`market` are the simulator's arguments that choose market and speed."""

    def __init__(self, state: Path, *market: str) -> None:
        self._state = state
        self._market = market
        self.port = 0
        self.start()

    def start(self) -> None:
        """Returns when it listens."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "services.exchange_simulator"),
                *("--port", str(self.port), "--state", str(self._state)),
                *("--api-key", KEY, "--api-secret", SECRET, *self._market),
            ],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]

    def kill(self) -> None:
        """kill -9."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def access(self, **changes: Any) -> VenueAccess:
        """How a broker opens it."""
        terms: dict[str, Any] = {"validate_only": False, "speed": 1.0} | changes
        return VenueAccess(self.url, SecretStr(KEY), SecretStr(SECRET), **terms)

    def get(self, name: str) -> dict[str, Any]:
        """A read of its admin API."""
        return self._call(Request(f"{self.url}/sim/{name}"))

    def post(self, name: str, **body: Any) -> dict[str, Any]:
        """A command to its admin API."""
        return self._call(Request(f"{self.url}/sim/{name}", json.dumps(body).encode(), method="POST"))

    def _call(self, request: Request) -> dict[str, Any]:
        with urlopen(request, timeout=10) as reply:
            answer: dict[str, Any] = json.load(reply)
        return answer
