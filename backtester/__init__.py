"""Backtests: the same strategies, rules and books as the live desk, on recorded candles."""
