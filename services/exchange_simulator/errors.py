"""What the venue answers instead of a result, in Kraken's own codes."""


class KrakenError(Exception):
    """A refusal; its text is one of Kraken's codes, such as ``EOrder:Insufficient funds``."""


class WrongPhase(Exception):
    """A lock-step call that does not fit the phase; its text says what was expected."""


class BadConfiguration(Exception):
    """Settings, data or a state file that cannot be used; its text names the fix."""


def invalid_argument(field: str) -> KrakenError:
    return KrakenError(f"EGeneral:Invalid arguments:{field}")
