"""Logs as JSON with secrets masked, traces that follow a message through the services."""

import logging
import re
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TextIO

import structlog
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

_SECRET_NAME = re.compile(r"key|secret|token|password|passwd|credential|authorization", re.IGNORECASE)
_HARMLESS_NAME = re.compile(r"^(key|stream_key|cursor_key|public_key_id|keys)$", re.IGNORECASE)
_PASSWORD_IN_URL = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@", re.IGNORECASE)
_MASK = "***"


def mask(value: object, name: str = "") -> object:
    """The value without secrets: by the names of mapping keys, and passwords within URLs."""
    if _SECRET_NAME.search(name) and not _HARMLESS_NAME.match(name) and value not in (None, ""):
        return _MASK
    if isinstance(value, str):
        return _PASSWORD_IN_URL.sub(rf"\g<head>{_MASK}@", value)
    if isinstance(value, Mapping):
        return {key: mask(inner, str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask(inner) for inner in value]
    return value


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """structlog processor: nothing that is named like a secret leaves the process."""
    return {key: mask(value, key) for key, value in event.items()}


def configure_logs(service: str, instance: str, level: str) -> None:
    """One line a record on stderr: JSON, or readable text on a terminal."""
    terminal = sys.stderr.isatty()
    shape: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=_traceback)]
        if terminal
        else [structlog.processors.format_exc_info, mask_secrets, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_trace,
            mask_secrets,
            *shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service, instance=instance)


def _traceback(out: TextIO, exc_info: ExcInfo) -> None:
    # without the values of variables, which the library's own formatter shows
    out.write("\n" + str(mask("".join(traceback.format_exception(*exc_info)))))


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    context = get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


class Telemetry:
    """A service's tracer. Exists only while tracing is on."""

    def __init__(self, service: str, instance: str, processors: tuple[SpanProcessor, ...] = ()) -> None:
        resource = Resource.create({"service.name": service, "service.instance.id": instance})
        self._provider = TracerProvider(resource=resource)
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("parley")
        self._propagator = TraceContextTextMapPropagator()

    @asynccontextmanager
    async def handling(self, group: str, kind: str, trace: str) -> AsyncIterator[str]:
        """A span around one message, child of the traceparent its entry carries; gives its own."""
        parent = self._propagator.extract({"traceparent": trace}) if trace else None
        with self._tracer.start_as_current_span(f"{group} {kind}", context=parent):
            carrier: dict[str, Any] = {}
            self._propagator.inject(carrier)
            yield carrier.get("traceparent", "")

    def close(self) -> None:
        """Hand over what is not yet exported."""
        self._provider.shutdown()
