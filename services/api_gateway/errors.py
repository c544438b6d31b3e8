"""Every refusal is JSON: a stable code, what is wrong, and how to mend it."""

from collections.abc import Awaitable, Callable

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from shared.errors import ParleyError
from shared.redis_streams.failures import is_outside
from shared.schemas.base import Value

log = structlog.get_logger()

Handle = Callable[[Request, Exception], Awaitable[JSONResponse]]


class Problem(Value):
    """Why there is no answer. `error` is stable, for programs; the others are for people."""

    error: str
    detail: str
    fix: str


class NotFound(ParleyError):
    """The thing asked for does not exist. `fix` says what does."""

    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fix = fix


def problem(status: int, error: str, detail: str, fix: str) -> JSONResponse:
    """A refusal as the API gives it."""
    return JSONResponse(Problem(error=error, detail=detail, fix=fix).model_dump(), status)


async def _not_found(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, NotFound)
    return problem(404, "not_found", error.detail, error.fix)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return problem(404, "not_found", f"There is nothing at {request.url.path}.", "GET /docs lists what there is.")
    return problem(error.status_code, "refused", str(error.detail), "GET /docs shows how to ask.")


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    wrong = "; ".join(f"{part['loc'][-1]}: {part['msg']} (got {part.get('input')!r})" for part in error.errors())
    return problem(422, "invalid", wrong, "GET /docs shows every parameter with its bounds and an example.")


async def _database(_request: Request, error: Exception) -> JSONResponse:
    if not is_outside(error) and not isinstance(error, PoolTimeout):
        raise error
    log.warning("the database does not answer", error=f"{type(error).__name__}: {error}")
    return problem(
        503,
        "database_away",
        "The database does not answer right now.",
        "It is asked again at the next request; GET /health shows when it is back, `parley doctor` what is wrong.",
    )


async def _redis(_request: Request, error: Exception) -> JSONResponse:
    if not is_outside(error):
        raise error
    log.warning("Redis does not answer", error=f"{type(error).__name__}: {error}")
    return problem(503, "redis_away", "Redis does not answer right now.", "GET /health shows when it is back.")


async def _broken(_request: Request, _error: Exception) -> JSONResponse:
    return problem(500, "broken", "The API itself is at fault.", "Its log says why; please report it.")


def handle_errors(app: FastAPI) -> None:
    """Teach the app to refuse in JSON."""
    handlers: dict[type[Exception], Handle] = {
        NotFound: _not_found,
        HTTPException: _http,
        RequestValidationError: _invalid,
        RedisError: _redis,
        DBAPIError: _database,
        PoolTimeout: _database,
        OSError: _database,
        Exception: _broken,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
