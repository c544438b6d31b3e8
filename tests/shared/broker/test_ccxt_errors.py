"""Which failures leave an order's fate open. A wrong answer here loses money, so every case is named."""

import socket

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
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
from shared.broker.ccxt_errors import reading, writing

KEY = ConnectionKey("host", 443, True, True, None, None, None)


def caused(error: ccxt.BaseError, cause: BaseException) -> ccxt.BaseError:
    error.__cause__ = cause
    return error


WRITES: list[tuple[ccxt.BaseError, type[BrokerError]]] = [
    (ccxt.RequestTimeout("no answer in time"), OutcomeUnknown),
    (caused(ccxt.ExchangeNotAvailable("x"), aiohttp.ServerDisconnectedError()), OutcomeUnknown),
    (caused(ccxt.ExchangeNotAvailable("x"), aiohttp.ClientOSError()), OutcomeUnknown),
    (caused(ccxt.ExchangeError("x"), aiohttp.ClientPayloadError()), OutcomeUnknown),
    (ccxt.ExchangeNotAvailable("kraken POST 502 Bad Gateway"), OutcomeUnknown),
    (ccxt.ExchangeNotAvailable('{"error":["EGeneral:Internal error"]}'), OutcomeUnknown),
    (ccxt.ExchangeNotAvailable('{"error":["EDatabase:Internal error"]}'), OutcomeUnknown),
    (ccxt.CancelPending('{"error":["EOrder:Cancel pending"]}'), OutcomeUnknown),
    (caused(ccxt.ExchangeNotAvailable("x"), aiohttp.ClientConnectorError(KEY, OSError())), BrokerUnavailable),
    (caused(ccxt.RequestTimeout("x"), aiohttp.ConnectionTimeoutError()), BrokerUnavailable),
    (caused(ccxt.ExchangeNotAvailable("x"), socket.gaierror()), BrokerUnavailable),
    (ccxt.ExchangeNotAvailable('{"error":["EService:Unavailable"]}'), BrokerUnavailable),
    (ccxt.OnMaintenance('{"error":["EService:Market in cancel_only mode"]}'), BrokerUnavailable),
    (ccxt.InvalidNonce('{"error":["EAPI:Invalid nonce"]}'), BrokerUnavailable),
    (ccxt.AuthenticationError('{"error":["EAPI:Invalid key"]}'), BrokerUnavailable),
    (ccxt.PermissionDenied('{"error":["EGeneral:Permission denied"]}'), BrokerUnavailable),
    (ccxt.RateLimitExceeded("429"), RateLimited),
    (ccxt.DDoSProtection('{"error":["EAPI:Rate limit exceeded"]}'), RateLimited),
    (ccxt.InsufficientFunds('{"error":["EOrder:Insufficient funds"]}'), InsufficientFunds),
    (ccxt.InvalidOrder('{"error":["EOrder:Order minimum not met"]}'), OrderRefused),
    (ccxt.BadSymbol('{"error":["EQuery:Unknown asset pair"]}'), OrderRefused),
    (ccxt.ExchangeError('{"error":["EService:Deadline elapsed"]}'), DeadlineElapsed),
    (ccxt.ExchangeError('{"error":["EService:Timeout"]}'), OutcomeUnknown),
]


@pytest.mark.parametrize(("error", "meaning"), WRITES, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_a_write_is_refused_or_unsent_only_where_that_is_certain(
    error: ccxt.BaseError, meaning: type[BrokerError]
) -> None:
    with pytest.raises(BrokerError) as raised, writing():
        raise error
    assert type(raised.value) is meaning


@pytest.mark.parametrize(("error", "_meaning"), WRITES, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_a_read_that_fails_is_asked_again_later(error: ccxt.BaseError, _meaning: type[BrokerError]) -> None:
    with pytest.raises((BrokerUnavailable, RateLimited)), reading():
        raise error
