"""Candles for backtests: where they are kept, how they come in, and what is checked on the way."""
