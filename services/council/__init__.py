"""Argues about every signal: members vote, a quorum and vetoes bind, the verdict is BUY, SELL or HOLD."""
