"""Who may ask, how, and what is said when something is away."""

import json

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.api_gateway.adapters import Sources
from services.api_gateway.app import create_app
from services.api_gateway.examples import EXAMPLES
from services.api_gateway.routes import books, decisions, desk, market
from services.api_gateway.server import listen
from shared.db import Database
from shared.errors import ConfigError
from shared.redis_streams.bus import Bus

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
"""A port on which nothing listens."""


async def test_name_that_is_not_loopback_is_refused(client: httpx.AsyncClient) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:8000", "", "10.0.0.5:8000"):
        answer = await client.get("/status", headers={"Host": host})
        assert (answer.status_code, answer.json()["error"]) == (400, "wrong_host"), host


async def test_loopback_names_are_answered(client: httpx.AsyncClient) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"):
        assert (await client.get("/positions", headers={"Host": host})).status_code == 200, host


async def test_nothing_can_be_written(client: httpx.AsyncClient) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in ("/trades", "/nothing"):
            answer = await client.request(method, path, json={})
            said = (answer.status_code, answer.json()["error"], answer.headers["allow"])
            assert said == (405, "read_only", "GET"), (method, path)


async def test_pages_of_other_sites_get_no_leave_to_read(client: httpx.AsyncClient) -> None:
    answer = await client.get("/positions", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_snapshot_cannot_write(sources: Sources) -> None:
    async with sources.snapshot() as connection:
        with pytest.raises(DBAPIError, match="read-only"):
            await connection.execute(text("delete from trades"))


async def test_database_that_is_away_is_said_in_plain_words(sources: Sources, bus: Bus) -> None:
    away = Sources(Database(NOWHERE), bus, sources.settings, sources.clock)
    transport = httpx.ASGITransport(create_app(away), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        for path in ("/status", "/trades", "/candles/BTC-USD"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()["error"]) == (503, "database_away")
            assert "postgres" not in answer.text
        health = await client.get("/health")
    assert (health.status_code, health.json()["status"], health.json()["database"]["ok"]) == (503, "down", False)


async def test_answers_come_again_when_the_database_is_back(client: httpx.AsyncClient, database: Database) -> None:
    assert (await client.get("/positions")).status_code == 200
    async with database.engine.connect() as connection:
        await connection.execute(
            text("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")
        )
    answers = [(await client.get("/positions")).status_code for _ in range(8)]
    assert answers[-1] == 200
    assert set(answers) <= {200, 503}


async def test_redis_that_is_away_is_said_in_plain_words(sources: Sources) -> None:
    nowhere = await Bus.connect("redis://127.0.0.1:1", 2)
    away = Sources(sources.database, nowhere, sources.settings, sources.clock)
    transport = httpx.ASGITransport(create_app(away), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/streams")
        assert (answer.status_code, answer.json()["error"]) == (503, "redis_away")
        assert (await client.get("/health")).json()["redis"]["ok"] is False
        assert (await client.get("/positions")).status_code == 200
    await nowhere.close()


def test_taken_port_is_said_with_the_way_out() -> None:
    taken = listen(0)
    with pytest.raises(ConfigError, match="API_PORT"):
        listen(taken.getsockname()[1])
    taken.close()


ROUTES = [route for module in (books, decisions, desk, market) for route in module.router.routes]


def test_every_route_is_described_with_an_example_that_fits_its_model(sources: Sources) -> None:
    for route in ROUTES:
        assert isinstance(route, APIRoute)
        example = route.responses[200]["content"]["application/json"]["example"]
        model = TypeAdapter(route.response_model)
        assert model.dump_python(model.validate_json(json.dumps(example)), mode="json") == example, route.path
        assert route.description, route.path
    paths = create_app(sources).openapi()["paths"]
    assert len(ROUTES) == len(paths) == len(EXAMPLES)
    assert all(set(methods) == {"get"} for methods in paths.values())
