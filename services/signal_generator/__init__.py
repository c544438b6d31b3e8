"""Scores every closed bar of the decision timeframe with all active strategies."""
