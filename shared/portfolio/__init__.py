"""Exact books: ticks, lots and money as integers, and the one place that turns them into Decimals."""
