from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import InvariantBroken, Unprocessable
from shared.redis_streams.codec import MAX_BODY, Outgoing, decode, encode, split_fields, type_in
from shared.redis_streams.entries import from_json, to_json
from shared.redis_streams.failures import is_outside
from shared.schemas.signals import SignalGenerated
from shared.schemas.system import TradingPaused
from shared.topology import partition_of
from tests.shared.redis_streams.desk import START, decision, paused, signal

scores = st.floats(-1, 1)
symbols = st.from_regex(r"\A[A-Z]{2,5}/USD\Z")


@given(score=scores, symbol=symbols, minute=st.integers(0, 10**6))
def test_a_message_survives_its_way_through_a_stream(score: float, symbol: str, minute: int) -> None:
    message = signal(1, symbol).model_copy(update={"score": score, "occurred_at": START + timedelta(minutes=minute)})
    outgoing = encode(message, "signal_generator", 8)
    kind, body, trace = split_fields([part if isinstance(part, bytes) else part.encode() for part in outgoing.fields()])
    assert decode(type_in("signals:generated", kind), body) == message
    assert trace == b""
    assert outgoing.stream_key == f"signals:generated:{{{partition_of(symbol, 8)}}}"


@given(st.lists(st.integers(0, 1000), max_size=5, unique=True))
def test_stored_outputs_come_back_as_they_were(numbers: list[int]) -> None:
    outputs = [encode(decision(signal(n)), "council", 8) for n in numbers]
    assert from_json(to_json(3, outputs)) == outputs


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_no_fields_whatsoever_raise_anything_but_unprocessable(fields: list[bytes]) -> None:
    try:
        kind, body, _ = split_fields(fields)
        decode(type_in("signals:generated", kind), body)
    except Unprocessable:
        pass


@given(st.binary(max_size=200))
def test_no_body_whatsoever_raises_anything_but_unprocessable(body: bytes) -> None:
    with pytest.raises(Unprocessable):
        decode(SignalGenerated, body)


def test_a_body_at_the_limit_passes_and_one_above_does_not() -> None:
    body = paused(1).model_dump_json().encode()
    at_the_limit = body + b" " * (MAX_BODY - len(body))
    assert decode(TradingPaused, at_the_limit) == paused(1)
    with pytest.raises(Unprocessable, match="bytes"):
        decode(TradingPaused, at_the_limit + b" ")


def test_another_version_is_refused_by_name() -> None:
    body = paused(1).model_copy(update={"schema_version": 2}).model_dump_json().encode()
    with pytest.raises(Unprocessable, match="TradingPaused of version 2, known is 1"):
        decode(TradingPaused, body)


def test_the_reason_of_a_malformed_message_names_the_field() -> None:
    body = signal(1).model_dump_json().replace('"BTC/USD"', '"btc"').encode()
    with pytest.raises(Unprocessable, match="symbol"):
        decode(SignalGenerated, body)


def test_a_kind_of_another_stream_is_refused() -> None:
    with pytest.raises(Unprocessable, match="carries no 'TradeClosed'"):
        type_in("signals:generated", b"TradeClosed")


def test_only_the_streams_publishers_may_encode_its_messages() -> None:
    with pytest.raises(InvariantBroken, match="api_gateway publishes SignalGenerated"):
        encode(signal(1), "api_gateway", 8)


def test_a_traced_message_keeps_kind_and_body_in_front() -> None:
    outgoing = Outgoing("x:{0}", 0, signal(1).message_id, "A", b"{}", "00-a-b-01")
    assert outgoing.fields() == ["k", "A", "b", b"{}", "t", "00-a-b-01"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), FileNotFoundError("x"), Unprocessable("x")])
def test_a_bug_is_no_trouble_outside(error: Exception) -> None:
    assert not is_outside(error)
