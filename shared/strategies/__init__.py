"""Strategies: one small file each. They score bars; they cannot size or send."""
