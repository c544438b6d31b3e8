"""Decisions of the executor over plain values: no I/O, no clock; times, prices and limits are arguments."""
