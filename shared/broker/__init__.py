"""Brokers: one protocol, a paper one and ccxt venues."""
