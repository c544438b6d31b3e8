"""Every field of every message is compared; entry ids, trace context and order are not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recording.compare import differences, following, split
from shared.recording.entries import Recorded
from shared.schemas.signals import Contribution
from tests.builders import candle, decided, exit_requested, order_reported, signal, ticker, trade_closed
from tests.shared.recording.made import entry

ALL = ("signal_generator", "council", "trade_executor", "position_manager", "learning_engine")
SIGNAL = signal(score=0.25).model_copy(
    update={"contributions": (Contribution(strategy="a", weight=0.2, score=0.5, share=0.1, reason="why"),)}
)


def caused(message: Any, cause: Any) -> Recorded:
    return entry(message.model_copy(update={"causation_id": cause.message_id}))


def leaves(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [leaf for name, part in value.items() for leaf in leaves(part, (*path, name))]
    if isinstance(value, list) and value:
        return [leaf for place, part in enumerate(value) for leaf in leaves(part, (*path, place))]
    return [path]


def changed(kept: Recorded, path: tuple[Any, ...]) -> Recorded:
    body = json.loads(kept.body)
    inner = body
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = "changed"
    return kept._replace(body=json.dumps(body))


@given(st.data())
def test_a_change_of_any_field_is_one_difference_that_names_it(data: st.DataObject) -> None:
    kept = entry(data.draw(st.sampled_from([SIGNAL, decided(), trade_closed(), exit_requested()])))
    path = data.draw(st.sampled_from(leaves(json.loads(kept.body))))
    found = differences([kept], [changed(kept, path)])
    assert [(one.field, one.replayed) for one in found] == [(".".join(map(str, path)), '"changed"')]
    assert found[0].message_id == kept.message_id


@pytest.mark.parametrize("field", ["kind", "partition"])
def test_a_change_beside_the_body_is_a_difference(field: str) -> None:
    kept = entry(SIGNAL)
    assert [one.field for one in differences([kept], [kept._replace(**{field: 99})])] == [f"({field})"]


def test_entry_ids_trace_and_the_form_of_the_json_may_differ() -> None:
    kept = entry(SIGNAL, 1, trace="00-ab-cd-01")
    other_form = json.dumps(json.loads(kept.body), indent=1, sort_keys=True)
    assert differences([kept], [kept._replace(entry_id="9-9", trace="", body=other_form)]) == []


def test_a_message_that_is_missing_or_new_is_a_difference() -> None:
    kept = entry(SIGNAL)
    assert [(one.field, one.replayed) for one in differences([kept], [])] == [("", "(absent)")]
    assert [(one.field, one.recorded) for one in differences([], [kept])] == [("", "(absent)")]


def test_a_message_published_twice_counts_once() -> None:
    kept = entry(SIGNAL)
    assert differences([kept, kept], [kept]) == differences([kept], [kept, kept]) == []


def test_what_has_no_cause_or_is_published_by_others_is_fed() -> None:
    price, said = entry(candle()), caused(SIGNAL, candle())
    by_hand, by_guard = entry(exit_requested()), caused(exit_requested(1), candle())
    answer = entry(order_reported())
    everything = [price, said, by_hand, by_guard, answer]
    assert split(everything, ALL) == ([price, by_hand, answer], [said, by_guard])
    assert split(everything, ("council",)) == ([said], [])
    assert split([entry(ticker())], ("learning_engine",)) == ([], [])


def test_only_what_follows_from_the_inputs_is_expected() -> None:
    first, second = caused(SIGNAL, candle()), caused(decided(), SIGNAL)
    stranger = caused(decided(7), signal(9))
    assert following([entry(candle())], [second, stranger, first]) == [second, first]
    assert following([entry(candle(minute=1))], [first, second]) == []
