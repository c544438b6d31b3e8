"""What to do about each kind of alert."""

_BAD_DATA = "It was dropped. If it goes on, look at the venue's status page and at `parley logs market_data`."

ADVICE = {
    "drawdown": "Look at `parley positions` and `parley trades`. Buying stays off until `parley resume "
    "--enable-buying`; if the loss stands, add --rebase.",
    "ledger_differs": "Compare the account at the venue with `parley positions`. Until you know why, `parley pause` "
    "stops new entries.",
    "foreign_order": "Somebody else trades on this account. If it was not you, change the API key at the venue.",
    "trade_without_market": "Open trades of that pair are not watched by prices. Put it back into SYMBOLS, or close "
    "them with `parley close`.",
    "feed_stale": "Usually it mends itself. If not, check this machine's network and the venue's status page.",
    "candles_stale": "Nothing is decided for that pair meanwhile; its stops rest at the broker. If it goes on, check "
    "the network and the venue's status page.",
    "candles_lost": "Decisions go on from the bars there are; `parley logs market_data` names the gap.",
    "feed_recovered": "Nothing.",
    "candles_recovered": "Nothing.",
    "not_a_number": _BAD_DATA,
    "price_not_positive": _BAD_DATA,
    "candle_misaligned": _BAD_DATA,
    "volume_negative": _BAD_DATA,
    "candle_impossible": _BAD_DATA,
    "book_crossed": _BAD_DATA,
    "from_the_future": "It was dropped. If it goes on, synchronise this machine's clock (`parley doctor` measures it).",
}
"""By the alert's code."""

OTHERWISE = "Look at `parley status` and `parley alerts`."


def advice(code: str) -> str:
    """What to do; where to look, for a code that nobody wrote advice for."""
    return ADVICE.get(code, OTHERWISE)
