"""The honest statistics of a backtest: what was earned, at what risk, and whether it could be luck.

None means "not defined": no figure is ever a plausible stand-in, nan or infinite.
"""
