"""Where prices come from: recorded files or a seed."""

from collections.abc import Mapping
from typing import Protocol

from services.exchange_simulator.pairs import Pair
from services.exchange_simulator.series import Series


class Market(Protocol):
    """Bars of every symbol on one grid. ``base`` is the bars' length in microseconds; steps count from 0."""

    @property
    def kind(self) -> str: ...

    @property
    def pairs(self) -> Mapping[str, Pair]: ...

    @property
    def base(self) -> int: ...

    @property
    def first_step(self) -> int: ...

    @property
    def steps_total(self) -> int | None: ...

    @property
    def fingerprint(self) -> str: ...

    def instant(self, step: int) -> int | None: ...

    def series(self, symbol: str) -> Series: ...
