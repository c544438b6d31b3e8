"""What a ccxt exception says about our request: refused, too late, not sent, or nobody knows.

A write is only called unsent where that is certain: no connection was made, or the venue itself said it is closed.
A reply lost on the way comes from ccxt under the same class as a refused connection; only its cause tells.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from ccxt.base import errors as ccxt

from shared.broker.base import (
    BrokerError,
    BrokerUnavailable,
    DeadlineElapsed,
    InsufficientFunds,
    OrderRefused,
    OutcomeUnknown,
    RateLimited,
)

NEVER_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, socket.gaierror)
TOO_LATE = "EService:Deadline elapsed"
UNSURE = ("EGeneral:Internal error", "EDatabase:Internal error", "EService:Timeout", ":Cancel pending")
"""Answers of the venue that do not say whether the request took effect."""


@contextmanager
def reading() -> Iterator[None]:
    """Around a request that changes nothing: where it fails, ask again later."""
    try:
        yield
    except ccxt.BaseError as error:
        if isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
            raise RateLimited(_text(error)) from error
        raise BrokerUnavailable(_text(error)) from error


@contextmanager
def writing() -> Iterator[None]:
    """Around a request that may book something."""
    try:
        yield
    except ccxt.BaseError as error:
        raise written(error) from error


def written(error: ccxt.BaseError) -> BrokerError:
    """The meaning of a ccxt exception for a request that may have booked something."""
    text = _text(error)
    if any(code in text for code in UNSURE):
        return OutcomeUnknown(text)
    if TOO_LATE in text:  # which ccxt does not know: to it, it is an error like any other
        return DeadlineElapsed(text)
    match error:
        case ccxt.DDoSProtection() | ccxt.RateLimitExceeded():
            return RateLimited(text)
        case ccxt.InvalidNonce() | ccxt.AuthenticationError() | ccxt.PermissionDenied():
            return BrokerUnavailable(text)
        case ccxt.InsufficientFunds():
            return InsufficientFunds(text)
        case ccxt.NetworkError():
            return BrokerUnavailable(text) if _was_not_sent(error, text) else OutcomeUnknown(text)
    return OutcomeUnknown(text) if isinstance(error.__cause__, aiohttp.ClientError) else OrderRefused(text)


def reply_was_lost(error: BaseException) -> bool:
    """Whether the connection broke after the request had gone out."""
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, NEVER_CONNECTED)


def _was_not_sent(error: ccxt.BaseError, text: str) -> bool:
    return isinstance(error.__cause__, NEVER_CONNECTED) or "EService:" in text


def _text(error: ccxt.BaseError) -> str:
    return str(error) or type(error).__name__
