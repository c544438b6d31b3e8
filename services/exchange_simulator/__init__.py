"""A venue that speaks Kraken's REST v0 and WebSocket v2, for the unmodified ccxt client.

README
======
Start it::

    python -m services.exchange_simulator --port 0 --state build/venue.db \\
        --data BTC/USD=candles.csv --speed max

It prints one line, ``{"ready": true, "port": 40123}``, and listens on 127.0.0.1 only. To send ccxt there, replace
these addresses and nothing else (``connection.point_at_simulator`` does it)::

    exchange.urls["api"]["public"] = exchange.urls["api"]["private"] = "http://127.0.0.1:40123"
    exchange.urls["api"]["ws"]["publicV2"] = exchange.urls["api"]["ws"]["privateV2"] = "ws://127.0.0.1:40123/v2"
    exchange.urls["api"]["ws"]["public"] = exchange.urls["api"]["ws"]["private"] = "ws://127.0.0.1:40123/v2"

The package imports nothing of ``shared``: it checks the desk's books with books of its own.

Units inside: time is an integer of microseconds since the epoch, a price an integer of ticks, a quantity an integer of
lots (1e-8 of the base), money a Decimal in the quote. ``cost = price * quantity`` and ``fee = cost * rate`` are each
rounded half-even to the quote's decimals (USD 4, BTC 10); fees are paid in the quote.
"""
