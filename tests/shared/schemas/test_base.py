"""Money, times and ids on the wire."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.ids import NAMESPACE, canonical, derived_id
from shared.schemas.base import Exact, NonNegative, Price, Time

EXACT = TypeAdapter(Exact)
TIME = TypeAdapter(Time)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES)  # noqa: DTZ001 (zones are drawn)


@given(DECIMALS)
def test_money_comes_back_from_the_wire_to_the_last_digit(value: Decimal) -> None:
    assert EXACT.validate_json(EXACT.dump_json(value)) == value


@given(DECIMALS)
def test_money_on_the_wire_is_a_string_without_exponent_and_needless_zeros(value: Decimal) -> None:
    text = EXACT.dump_python(value, mode="json")
    assert "E" not in text
    assert text != "-0"
    assert not ("." in text and text.endswith(("0", ".")))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**15), max_value=10**15))
def test_equal_amounts_have_one_text_however_they_are_written(value: Decimal) -> None:
    spellings = (value, value.normalize(), value.quantize(Decimal("1e-12")), Decimal(f"{value:E}"))
    assert len({canonical(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize("body", [b"1.5", b"1e3", b"1.0", b"true", b"null", b'"abc"', b'"NaN"', b'"Infinity"', b"[]"])
def test_what_is_no_exact_number_is_refused_on_the_wire(body: bytes) -> None:
    with pytest.raises(ValidationError):
        EXACT.validate_json(body)


def test_floats_are_refused_from_python_too() -> None:
    with pytest.raises(ValidationError, match="float"):
        EXACT.validate_python(1.5)


@pytest.mark.parametrize(("body", "value"), [(b'"1.50"', "1.5"), (b"7", "7"), (b'"1E+3"', "1000"), (b'"-0"', "0")])
def test_text_and_whole_numbers_are_money(body: bytes, value: str) -> None:
    assert EXACT.dump_json(EXACT.validate_json(body)) == f'"{value}"'.encode()


@pytest.mark.parametrize("body", [b'"0"', b'"-1"', b"-1", b"0", b'"NaN"'])
def test_a_price_is_above_zero(body: bytes) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Price).validate_json(body)


def test_a_cost_may_be_zero_and_not_below() -> None:
    assert TypeAdapter(NonNegative).validate_json(b'"0"') == 0
    with pytest.raises(ValidationError):
        TypeAdapter(NonNegative).validate_json(b'"-0.01"')


@given(MOMENTS)
def test_times_come_back_from_the_wire_as_utc_to_the_microsecond(moment: datetime) -> None:
    read = TIME.validate_json(TIME.dump_json(TIME.validate_python(moment)))
    assert read == moment
    assert read.tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="without a zone"):
        TIME.validate_json(b'"2026-01-05T19:00:00"')


@given(st.text(), st.text(), st.integers())
def test_derived_ids_are_rfc_9562_version_5(kind: str, causation: str, ordinal: int) -> None:
    found = derived_id(kind, causation, ordinal)
    assert found == uuid5(NAMESPACE, f"{kind}|{causation}|{ordinal}")
    assert (found.version, found.variant) == (5, "specified in RFC 4122")
