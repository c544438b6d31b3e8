"""Drift: what the desk traded against what the backtest of the same period trades, trade by trade."""
