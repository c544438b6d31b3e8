"""Choosing on the past and trading on what came next, window after window."""
