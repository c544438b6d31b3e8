"""Indicators over NumPy float64 arrays. A value depends on a fixed number of bars up to its own, on nothing before."""
