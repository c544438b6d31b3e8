"""Speed of the backtester beside its peers: the same bars, the same signals, the same trades."""
