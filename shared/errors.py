"""The exception's class says what happens next.

Retryable         leave the message pending, pause, try again; counts for nothing
Unprocessable     this message can never be handled: dead letter at once
InvariantBroken   our own books contradict themselves: crash, the supervisor restarts
ConfigError       a setting is missing or wrong: say which and how to mend it, exit 2
"""


class ParleyError(Exception):
    """Base of every exception that Parley raises on purpose."""


class Retryable(ParleyError):
    """The world outside (database, Redis, venue) is not available right now."""


class Unprocessable(ParleyError):
    """The message itself is at fault and will be at every attempt."""


class InvariantBroken(ParleyError):
    """Two facts contradict each other that must never do so."""


class ConfigError(ParleyError):
    """A setting is missing or wrong; the text names it and the fix."""
