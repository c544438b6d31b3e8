"""Stops, size and limits: pure scalar functions over ticks, lots and money units, Numba-able."""
