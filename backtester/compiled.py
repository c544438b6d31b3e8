"""The scalar functions of a module as Numba compiles them, without a change to the module."""

import types
from collections.abc import Callable
from functools import cache
from typing import Any

import numba


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` in nopython mode; the functions it calls are compiled first and take their places in its globals."""
    names = {name: value for name, value in function.__globals__.items() if name in function.__code__.co_names}
    for name, value in names.items():
        if isinstance(value, types.FunctionType):
            names[name] = compiled(value)
    copy = types.FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__)
    jitted: Callable[..., Any] = numba.njit(copy)
    return jitted
