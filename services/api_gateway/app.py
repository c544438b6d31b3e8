"""The application: routes, refusals, who may ask."""

from fastapi import FastAPI

from services.api_gateway.adapters import Sources
from services.api_gateway.errors import Problem, handle_errors
from services.api_gateway.guard import LoopbackOnly, ReadOnly
from services.api_gateway.routes import books, decisions, desk, market

API_VERSION = "1"
"""Raised when an answer changes incompatibly."""

DESCRIPTION = (
    "What the desk knows. Read-only, on loopback only. Times are UTC, money and quantities are strings. "
    "Every refusal is `{error, detail, fix}`."
)
REFUSALS: dict[int | str, dict[str, object]] = {
    404: {"model": Problem, "description": "Not here"},
    422: {"model": Problem, "description": "A parameter is wrong"},
    503: {"model": Problem, "description": "The database or Redis is away"},
}


def create_app(sources: Sources) -> FastAPI:
    """The API over these sources."""
    app = FastAPI(title="Parley", version=API_VERSION, description=DESCRIPTION, responses=REFUSALS)
    app.state.sources = sources
    for routes in (desk, books, decisions, market):
        app.include_router(routes.router)
    handle_errors(app)
    app.add_middleware(ReadOnly)
    app.add_middleware(LoopbackOnly)
    return app
