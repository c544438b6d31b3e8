"""A backtest from the plan to the kept outcome, whichever engine runs it."""
