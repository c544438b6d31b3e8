"""Turns what the venue says into candles, ended instants, tickers and books. A source: it reads no stream."""
