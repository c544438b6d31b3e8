"""What a replay is given, what it must give back, and in what the two differ."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from shared.recording.entries import Recorded
from shared.topology import BY_NAME, STREAMS

ABSENT = "(absent)"


class Split(NamedTuple):
    """`inputs` are fed; `outputs` are what the driven services published, and must again."""

    inputs: list[Recorded]
    outputs: list[Recorded]


class Difference(NamedTuple):
    """One field of one message; `field` is empty where the whole message is missing or was never recorded."""

    stream: str
    kind: str
    message_id: str
    field: str
    recorded: str
    replayed: str


def published_by(driven: Collection[str]) -> frozenset[str]:
    """The streams that the driven services publish on."""
    return frozenset(stream.name for stream in STREAMS if stream.publishers & set(driven))


def is_output(entry: Recorded, streams: Collection[str]) -> bool:
    """Whether a handler of a driven service made it: what handlers send names its cause, what comes from outside
    (the venue's answers, an operator's hand) has none.
    """
    return entry.stream in streams and bool(entry.causation_id)


def split(entries: Iterable[Recorded], driven: Collection[str]) -> Split:
    """The recorded entries for these services; inputs that none of them reads are left out."""
    streams, groups = published_by(driven), set(driven)
    inputs: list[Recorded] = []
    outputs: list[Recorded] = []
    for entry in entries:
        if is_output(entry, streams):
            outputs.append(entry)
        elif groups & set(BY_NAME[entry.stream].groups):
            inputs.append(entry)
    return Split(inputs, outputs)


def following(inputs: Iterable[Recorded], outputs: Sequence[Recorded]) -> list[Recorded]:
    """Those of the outputs that follow from the inputs, in their order."""
    effects: dict[str, list[str]] = defaultdict(list)
    for output in outputs:
        effects[output.causation_id].append(output.message_id)
    reached = {entry.message_id for entry in inputs}
    waiting = list(reached)
    while waiting:
        new = [effect for effect in effects[waiting.pop()] if effect not in reached]
        reached.update(new)
        waiting += new
    return [output for output in outputs if output.causation_id in reached]


def differences(recorded: Iterable[Recorded], replayed: Iterable[Recorded]) -> list[Difference]:
    """Every field of every message but entry ids and trace context; a message published twice counts once."""
    then, now = _by_id(recorded), _by_id(replayed)
    found: list[Difference] = []
    for name, entry in then.items():
        if name not in now:
            found.append(_whole(entry, entry.body, ABSENT))
        else:
            found += _fields(entry, now[name])
    return found + [_whole(entry, ABSENT, entry.body) for name, entry in now.items() if name not in then]


def _by_id(entries: Iterable[Recorded]) -> dict[tuple[str, str], Recorded]:
    found: dict[tuple[str, str], Recorded] = {}
    for entry in entries:
        found.setdefault((entry.stream, entry.message_id), entry)
    return found


def _whole(entry: Recorded, recorded: str, replayed: str) -> Difference:
    return Difference(entry.stream, entry.kind, entry.message_id, "", recorded, replayed)


def _fields(then: Recorded, now: Recorded) -> Iterator[Difference]:
    if then.body == now.body and (then.kind, then.partition) == (now.kind, now.partition):
        return
    was = {"(kind)": then.kind, "(partition)": str(then.partition), **dict(_flat(then.message))}
    is_ = {"(kind)": now.kind, "(partition)": str(now.partition), **dict(_flat(now.message))}
    for field in dict.fromkeys((*was, *is_)):
        before, after = was.get(field, ABSENT), is_.get(field, ABSENT)
        if before != after:
            yield Difference(then.stream, then.kind, then.message_id, field, before, after)


def _flat(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Each leaf by its path, as JSON."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = list(parts)
    if not inner:
        yield path, json.dumps(value + 0.0 if isinstance(value, float) else value)  # jsonb knows no -0.0
    for name, part in inner:
        yield from _flat(part, f"{path}.{name}" if path else str(name))
