"""Which failures are the world's and count for nothing."""

import redis.exceptions as redis_errors
import sqlalchemy.exc as sql_errors

from shared.errors import Retryable

_TRANSIENT_SQLSTATES = ("08", "40", "53", "57P")
# connection lost, serialisation or deadlock, out of resources, shutdown (PostgreSQL, appendix A)

_TRANSIENT_REPLIES = ("OOM ", "MISCONF", "LOADING", "READONLY", "NOREPLICAS", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN")
# redis-py knows some by their class; Redis 6.2 wraps them into a script's error, where only the text tells


class LeaseLost(Retryable):
    """Another instance has a later epoch: drop what is in hand, it is theirs now."""


_OUTSIDE = (
    Retryable,
    ConnectionError,
    TimeoutError,
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.ClusterError,
    redis_errors.OutOfMemoryError,
    redis_errors.ReadOnlyError,
    redis_errors.MasterDownError,
    redis_errors.TryAgainError,
    sql_errors.OperationalError,
    sql_errors.TimeoutError,
)


FROM_REDIS = (redis_errors.RedisError, OSError, Retryable)
"""All that a Redis command can raise; `is_outside` tells which of it passes."""


def is_outside(error: BaseException) -> bool:
    """Whether the infrastructure failed, not the message: pause and try again."""
    if isinstance(error, _OUTSIDE):
        return True
    if isinstance(error, redis_errors.ResponseError):
        return any(reply in str(error) for reply in _TRANSIENT_REPLIES)
    if isinstance(error, sql_errors.DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or state.startswith(_TRANSIENT_SQLSTATES) or _connection_lost(error)
    return False


def _connection_lost(error: sql_errors.DBAPIError) -> bool:
    # asyncpg gives a bad argument (also a ValueError) and a closed connection the same class
    cause = getattr(error.orig, "__cause__", None)
    return isinstance(error, sql_errors.InterfaceError) and not isinstance(cause, ValueError)
