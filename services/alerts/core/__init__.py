"""Tells people: who hears what, when, in which words, and until when it is tried."""
