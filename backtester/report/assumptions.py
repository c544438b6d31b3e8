"""Everything that a result rests on, written down."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

from backtester.data.checks import Gap, gaps
from backtester.report.tables import Table, table
from backtester.report.words import counted, duration, moment, price
from backtester.runs.instruments import instrument_of
from backtester.runs.outcome import Outcome
from backtester.runs.plan import Costs, Plan
from shared.broker.base import Instrument
from shared.config import Settings
from shared.ids import canonical
from shared.strategies.market import Market
from shared.timeframes import length

MOST_GAPS = 3

PATH = (
    "A decision at a bar's close is filled at the open of the next bar: nothing is known before it is over, and "
    "nothing is traded at the price that gave the signal.",
    "Inside a bar the price is taken to go open, low, high, close. Where the stop and the target both lie inside one "
    "bar, the stop counts.",
    "A bar that opens beyond a stop (a gap) fills it at that open, which is worse than the stop.",
    "No fill lies outside its bar's range from low to high.",
    "The path is at a bar's open, low, high and close at its beginning, a quarter, half and three quarters of its "
    "time; a stop or target between two of these points fills at the later one. So trades can be left inside a bar, as "
    "at 17:36 on bars of five minutes.",
    "Exits go before entries. Of entries at the same instant, the highest score gets the cash first, then the symbol "
    "in alphabetical order.",
    "Weights and stops that are computed at a bar's close act from the next open on.",
)
MEASURED = (
    "The account is marked at every open of a stored bar and at the last close, longs at the bid, shorts at the "
    "ask. What is still held at the end is not sold: it counts in the final equity, and in no figure about trades.",
    "Buying and holding puts equal shares of the cash into every symbol at that symbol's first open, never rebalances, "
    "and pays no fees.",
    "Ratios are of returns from bar to bar, brought to a year of as many returns as the run has in one, against a "
    "risk-free rate of 0. VaR and CVaR are of days. A figure that can't be computed is “not defined”, not 0.",
    "Whether it could be luck is judged by daily returns, as if this were the only run ever made. It knows nothing of "
    "the runs, parameters and symbols that were tried before: each of them makes luck more likely.",
)
LEFT_OUT = (
    "Orders are always accepted and filled in full: no outage, no rate limit, no queue in the order book, and the "
    "market does not remember our orders.",
    "No funding, borrowing, withdrawal or tax costs. A pair that the venue took off its list is missing from the data.",
)


def costs(plan: Plan) -> Table:
    """What trading costs, as shares."""
    said = {name: f"{Decimal(getattr(plan.costs, name)) * 100:f}" for name in Costs.model_fields if name != "min_cost"}
    meanings = {
        "taker_fee": "of the notional of every market order and every stop that is hit",
        "maker_fee": "of the notional of orders that rest in the book",
        "half_spread": "of the price, against you: buys pay the ask, sales get the bid",
        "slippage": "of the price, against you, on top of the spread",
        "impact": "of the price, against you, for an order as large as its whole bar's volume; less in proportion",
    }
    rows = [(name.replace("_", " "), f"{canonical(Decimal(said[name]))}%", meanings[name]) for name in meanings]
    return table("Cost|#Rate|What it is", rows)


def instruments(outcome: Outcome, markets: Mapping[str, Market]) -> Table:
    """Steps and minimums by symbol."""
    known = {name: instrument_of(name, market, outcome.plan) for name, market in sorted(markets.items())}
    rows = [
        (*_instrument(instrument, outcome.plan.quote), tick_from(outcome.plan, name))
        for name, instrument in known.items()
    ]
    note = (
        "A tick that the venue has not told is learnt from all stored prices: their finest decimal place. Least "
        "notional: as the costs say, else the venue's own, else what Kraken asks for."
    )
    return table("Symbol|#Tick|#Lot|#Least quantity|#Least notional|Tick from", rows, note if rows else "")


def tick_from(plan: Plan, symbol: str) -> str:
    """Who says what a symbol's tick is."""
    return "stored steps" if symbol in plan.steps and symbol not in plan.learnt else "prices"


def data(outcome: Outcome, markets: Mapping[str, Market]) -> Table:
    """What was played, with the fingerprint that identifies every bar, and what is missing of it."""
    base = outcome.plan.base_timeframe
    rows = [
        (
            symbol,
            moment(candles.first),
            moment(candles.last + length(base)),
            f"{candles.bars:,}",
            _missing(gaps(markets[symbol].open_time, base)) if symbol in markets else "not known",
            candles.fingerprint,
        )
        for symbol, candles in sorted(outcome.candles.items())
    ]
    return table("Symbol|From|To|#Bars|Gaps|Fingerprint (sha256)", rows)


def desk(plan: Plan) -> Table:
    """The deciding settings."""
    fields = Settings.model_fields
    rows = [
        (name.upper(), value, (fields[name].description or "") if name in fields else "")
        for name, value in plan.desk.items()
    ]
    return table("Setting|Value|What it is", rows)


def strategies(plan: Plan) -> Table:
    """Weights, and every parameter, those that were left at their defaults too."""
    rows = []
    for choice in plan.strategies:
        params = ", ".join(f"{name} = {value}" for name, value in sorted(choice.params.items()))
        rows.append((choice.name, f"{plan.weights[choice.name]:.1%}", params or "as they are by default"))
    return table("Strategy|#Weight|Parameters that were set", rows)


def council(plan: Plan) -> str:
    """Who decided."""
    if plan.council == "none":
        return "No council: the signal itself decides."
    if plan.council == "rules":
        return "The council's rule-based members vote on every signal."
    return f"The council's recorded answers are played again, from {plan.council.removeprefix('replay:')}."


def learning(plan: Plan) -> str:
    """Whether weights moved."""
    moved = "follow the results of closed trades, each change from its time on"
    return f"Learning is {plan.learning}: weights {moved if plan.learning == 'on' else 'stay as they are'}."


def side(plan: Plan) -> str:
    """Long only or both."""
    return "Long and short: shorts are virtual." if plan.short else "Spot and long only."


def _instrument(instrument: Instrument, quote: str) -> tuple[str, ...]:
    steps = (instrument.tick, instrument.lot, instrument.min_quantity)
    return instrument.symbol, *map(price, steps), f"{price(instrument.min_cost)} {quote}"


def _missing(found: tuple[Gap, ...]) -> str:
    if not found:
        return "none"
    longest = sorted(found, key=lambda gap: -gap.bars)[:MOST_GAPS]
    named = "; ".join(f"{moment(gap.start)}, {counted(gap.bars, 'bar')}" for gap in longest)
    what = f"{counted(len(found), 'gap')}, {counted(sum(gap.bars for gap in found), 'bar')} missing"
    return f"{what}; {'the longest' if len(found) > MOST_GAPS else 'from'}: {named}"


def elapsed(outcome: Outcome) -> str:
    """How long the engine took."""
    return f"{timedelta(seconds=outcome.seconds).total_seconds():.2f} s"


def period(outcome: Outcome) -> str:
    """From the first mark of the account to the last."""
    begin, end = int(outcome.time[0]), int(outcome.time[-1])
    return f"{moment(begin)} to {moment(end)} UTC ({duration(end - begin)})"
