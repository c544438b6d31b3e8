"""Keeps every decision-relevant event, so that a past stretch can be played again."""
