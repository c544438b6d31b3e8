"""Decisions over plain values: what a price does to a trade, when too much is lost."""
