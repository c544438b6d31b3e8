"""Turns verdicts into orders inside hard limits, and keeps the books of what the venue made of them."""
