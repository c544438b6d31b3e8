"""What people must hear stands in the log of the process that said it, whoever else reads the stream."""

import logging
from collections.abc import Iterable

import structlog

from shared.redis_streams.codec import Outgoing, decode
from shared.schemas.system import AlertRaised

log = structlog.get_logger()

KIND = AlertRaised.model_fields["kind"].default
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "critical": logging.CRITICAL}


def log_alerts(published: Iterable[Outgoing]) -> None:
    """One line for each alert among what was published just now, at the level of its severity."""
    for outgoing in published:
        if outgoing.kind == KIND:
            alert = decode(AlertRaised, outgoing.body)
            assert isinstance(alert, AlertRaised)
            log.log(_LEVELS[alert.severity], "alert", severity=alert.severity, code=alert.code, text=alert.text)
