"""The rules that every peer plays; those of `benchmarks.backtest.cases`, which can't be imported here."""

CASH, LOT, FEE, POSITION, SHARED_POSITION = 10_000.0, 1e-8, 0.0001, 0.25, 0.03
STOP_ATR, BREAKEVEN_ATR, TRAILING_ATR, STEP_ATR = 2.0, 2.0, 2.0, 0.25
SAMPLED = 4
"""Pairs that backtesting.py plays of a sweep; its time is scaled up."""
