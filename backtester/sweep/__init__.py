"""Searching a plan's parameters and weights, and saying what the best of so many trials is worth."""
