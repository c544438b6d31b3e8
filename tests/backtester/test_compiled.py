"""Kept machine code is never older than the sources of anything that it calls."""

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backtester import compiled
from backtester.event import interest
from backtester.vector import loop, passes

COMPILED = [loop.simulate, interest.next_row, interest.mark]
COMPILED += [one for _, one in inspect.getmembers(passes, inspect.isfunction) if one.__module__ == passes.__name__]


def called_by(function: Callable[..., Any], seen: set[types.FunctionType]) -> set[types.FunctionType]:
    """All plain functions that it calls, through others too, and itself."""
    assert isinstance(function, types.FunctionType)
    if function not in seen:
        seen.add(function)
        for name in function.__code__.co_names:
            callee = function.__globals__.get(name)
            if isinstance(callee, types.FunctionType):
                called_by(callee, seen)
    return seen


@pytest.mark.parametrize("function", COMPILED, ids=lambda function: function.__name__)
def test_every_source_that_is_called_names_the_folder(function: Callable[..., Any]) -> None:
    watched = [compiled.ROOT / source for source in compiled.SOURCES]
    files = {Path(inspect.getsourcefile(one) or "") for one in called_by(function, set())}
    assert [file for file in files if not any(file == place or place in file.parents for place in watched)] == []
