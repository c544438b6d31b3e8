"""Sends a ccxt client to the simulator. Only addresses change."""

from typing import Any


def point_at_simulator(exchange: Any, port: int) -> None:
    """Rewrites the URLs of a ``ccxt.async_support.kraken`` or ``ccxt.pro.kraken`` in place."""
    api = exchange.urls["api"]
    api["public"] = api["private"] = f"http://127.0.0.1:{port}"
    if "ws" in api:
        for name in ("public", "private", "publicV2", "privateV2"):
            api["ws"][name] = f"ws://127.0.0.1:{port}/v2"
