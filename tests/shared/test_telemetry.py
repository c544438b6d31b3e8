import asyncio
import json
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.redis_streams.bus import Bus
from shared.redis_streams.consumer import Consumer
from shared.telemetry import Telemetry, configure_logs, mask
from tests.shared.redis_streams.desk import FAST, Council, add_raw, group_is_done, rows, signal, until


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture
def _as_it_was() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("_as_it_was")
def test_a_log_line_is_json_with_service_instance_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("council", "one", "INFO")
    structlog.get_logger().info("started", port=8000)
    structlog.get_logger().debug("unheard")
    (line,) = lines_of(capsys)
    assert line.pop("timestamp")
    assert line == {"event": "started", "port": 8000, "level": "info", "service": "council", "instance": "one"}


@pytest.mark.usefixtures("_as_it_was")
def test_no_secret_reaches_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("council", "one", "INFO")
    url = "postgresql://desk:hunter2@localhost/parley"
    try:
        raise ConnectionError(f"cannot reach {url}")
    except ConnectionError as error:
        structlog.get_logger().error(
            f"lost {url}",
            kraken_api_key="hunter2",
            headers={"Authorization": "hunter2", "nested": [{"password": "hunter2"}]},
            exc_info=error,
        )
    (line,) = lines_of(capsys)
    assert "hunter2" not in json.dumps(line)
    assert "ConnectionError" in str(line["exception"])
    assert "localhost/parley" in str(line["event"])


@pytest.mark.parametrize("name", ["api_key", "KRAKEN_PRIVATE_KEY", "token", "bot_token", "Password", "client_secret"])
def test_values_named_like_secrets_are_masked(name: str) -> None:
    assert mask({name: "hunter2"}) == {name: "***"}


@pytest.mark.parametrize("name", ["key", "stream_key", "cursor_key", "symbol"])
def test_names_of_our_own_are_not(name: str) -> None:
    assert mask({name: "BTC/USD"}) == {name: "BTC/USD"}


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_masking_keeps_the_shape_of_whatever_is_logged(value: object) -> None:
    masked = mask(value)
    assert isinstance(masked, type(value)) or masked == "***"


def spans_of(exporter: InMemorySpanExporter) -> Telemetry:
    return Telemetry("council", "one", (SimpleSpanProcessor(exporter),))


async def traced(redis_url: str, telemetry: Telemetry | None, *trace: str) -> list[bytes]:
    """The fields of the decision about a signal that carries this trace."""
    bus = await Bus.connect(redis_url, 4)
    await bus.ensure_groups()
    stop = asyncio.Event()
    consumer = Consumer(bus, "council", "one", Council(), None, options=FAST, spans=telemetry)
    await add_raw(bus, "signals:generated", "BTC/USD", "k", "SignalGenerated", "b", signal(1).model_dump_json(), *trace)
    task = asyncio.create_task(consumer.run(stop))
    await until(lambda: group_is_done(bus))
    stop.set()
    await task
    fields = [fields for p in range(4) for _, fields in await rows(bus, f"council:decided:{{{p}}}")]
    await bus.close()
    return fields[0]


async def test_a_message_continues_the_trace_of_its_cause(redis_url: str, exporter: InMemorySpanExporter) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    fields = await traced(redis_url, spans_of(exporter), "t", f"00-{trace_id}-b7ad6b7169203331-01")
    (span,) = exporter.get_finished_spans()
    assert span.name == "council SignalGenerated"
    assert span.context is not None
    assert fields[4:] == [b"t", f"00-{trace_id}-{span.context.span_id:016x}-01".encode()]


async def test_without_tracing_an_entry_carries_no_trace(redis_url: str) -> None:
    fields = await traced(redis_url, None)
    assert fields[::2] == [b"k", b"b"]
