"""The venue through ccxt, the candle store, and whoever must be told when something is wrong."""
