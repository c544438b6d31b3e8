"""How the whole desk is: from heartbeats, streams, database."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.api_gateway.health import NEEDS_CARE, SERVICES, overall, service_health, venue_health
from services.api_gateway.views import Lag, Part, ServiceHealth
from shared.heartbeat import KEY, Heartbeat
from shared.redis_streams.bus import Bus

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
FINE, AWAY = Part(ok=True, detail=""), Part(ok=False, detail="")


def beat(service: str, status: str = "ok", ago: float = 1, instance: str = "one", **detail: Any) -> Heartbeat:
    return Heartbeat(service, instance, status, NOW - timedelta(seconds=ago), 1, detail)


def service(status: str) -> ServiceHealth:
    return ServiceHealth(status=status, instances=())


async def says(bus: Bus, name: str, status: str = "ok", ago: float = 0, instance: str = "one") -> None:
    time = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    word = {"status": status, "time": time, "port": 4000, "detail": {"lag": 0}}
    await bus.execute("HSET", KEY, f"{name}/{instance}", json.dumps(word))


def test_services_are_those_of_the_topology_and_the_api() -> None:
    assert SERVICES == (
        "alerts",
        "api_gateway",
        "archiver",
        "council",
        "learning_engine",
        "market_data",
        "position_manager",
        "signal_generator",
        "trade_executor",
    )


def test_one_instance_that_works_is_enough() -> None:
    said = [beat("council", "degraded"), beat("council", "ok", instance="two"), beat("other", "ok")]
    assert service_health("council", said, NOW).status == "ok"
    assert len(service_health("council", said, NOW).instances) == 2


def test_process_that_fell_silent_is_gone() -> None:
    found = service_health("council", [beat("council", ago=10)], NOW)
    assert (found.status, found.instances[0].status, found.instances[0].seconds_ago) == ("down", "gone", 10.0)
    assert service_health("council", [beat("council", ago=9.9)], NOW).status == "ok"


def test_venue_is_what_the_best_listener_says() -> None:
    assert not venue_health([], NOW).ok
    said = "kraken can't be reached since 08:55 UTC: ExchangeNotAvailable: kraken GET https://api.kraken.com"
    ill = beat("market_data", "degraded", troubles={"venue": said, "Closer.run": "Retryable: no time"})
    assert venue_health([ill], NOW) == Part(ok=False, detail=said)
    assert venue_health([ill, beat("market_data", instance="two")], NOW).ok


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ({"troubles": {"Closer.run": "Retryable: x"}}, "market_data: Closer.run: Retryable: x"),
        ({"troubles": {}, "stale": ["BTC/USD"]}, "no news from the venue for BTC/USD"),
        ({"venue": "kraken"}, "market_data is connecting to kraken and has no answer yet"),
        ({"ended_until": 1}, "market_data is degraded"),
    ],
)
def test_venue_is_said_in_a_sentence(detail: dict[str, Any], said: str) -> None:
    assert venue_health([beat("market_data", "degraded", **detail)], NOW).detail == said


@pytest.mark.parametrize(
    ("parts", "venue", "status", "lag", "dead", "expected"),
    [
        ((FINE, FINE), FINE, "ok", 0, 0, "ok"),
        ((FINE, AWAY), FINE, "ok", 0, 0, "down"),
        ((FINE, FINE), AWAY, "ok", 0, 0, "degraded"),
        ((FINE, FINE), FINE, "starting", 0, 0, "degraded"),
        ((FINE, FINE), FINE, "ok", NEEDS_CARE - 1, 0, "ok"),
        ((FINE, FINE), FINE, "ok", NEEDS_CARE, 0, "degraded"),
        ((FINE, FINE), FINE, "ok", 0, 1, "degraded"),
    ],
)
def test_anything_amiss_shows(
    parts: tuple[Part, ...], venue: Part, status: str, lag: int, dead: int, expected: str
) -> None:
    assert overall(parts, venue, [service(status)], [Lag(pending=0, lag=lag)], dead) == expected


async def test_health_names_every_service_and_group(client: httpx.AsyncClient, bus: Bus) -> None:
    for name in SERVICES:
        await says(bus, name)
    answer = await client.get("/health")
    health = answer.json()
    assert (answer.status_code, health["status"]) == (200, "ok")
    assert health["groups"]["council"] == {"pending": 0, "lag": 0}
    assert health["services"]["council"]["instances"][0]["detail"] == {"lag": 0}
    await says(bus, "council", ago=60)
    health = (await client.get("/health")).json()
    assert (health["status"], health["services"]["council"]["status"]) == ("degraded", "down")


async def test_lag_of_a_group_shows(client: httpx.AsyncClient, bus: Bus) -> None:
    await bus.execute("XADD", "signals:generated:{1}", "*", "k", "x", "b", "{}")
    health = (await client.get("/health")).json()
    assert health["groups"]["council"] == {"pending": 0, "lag": 1}
    streams = (await client.get("/streams")).json()["streams"]
    assert streams["signals:generated"]["length"] == 1
