"""Indicators over NumPy float64 arrays. Each value depends on a fixed number of bars up to its own and on nothing before."""
