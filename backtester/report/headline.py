"""What stands above everything else."""

from typing import NamedTuple

from backtester.metrics.luck import Answer
from backtester.report.stopped import stopped
from backtester.report.words import NOT_DEFINED, change, counted, duration, gain, listing, moment, money, price, share
from backtester.runs.outcome import Outcome

TONES = {Answer.HARD_TO_EXPLAIN: "sound", Answer.LOST: "lost"}
"""Of the verdicts that are sure of something."""


class Fact(NamedTuple):
    """A large number, what it is, and what it stands beside."""

    title: str
    text: str
    beside: str = ""
    tone: str = ""


def title(outcome: Outcome) -> str:
    """What was run."""
    plan = outcome.plan
    names = ", ".join(choice.name.replace("_", " ") for choice in plan.strategies)
    return f"{listing(plan.symbols)} at {plan.timeframe}: {names}"


def facts(outcome: Outcome) -> list[Fact]:
    """What a trader asks first."""
    quote, done, held = outcome.plan.quote, outcome.performance, outcome.benchmark
    worth = float(outcome.equity[-1])
    ratio = NOT_DEFINED if done.sharpe is None else f"{done.sharpe:.2f}"
    beside = NOT_DEFINED if held.sharpe is None else f"{held.sharpe:.2f}"
    traded = [f"{share(done.win_rate)} won"] if outcome.trades else ["nothing was bought" if not outcome.held else ""]
    return [
        Fact(f"Final equity, {quote}", money(worth, quote), f"from {money(float(outcome.equity[0]), quote)}"),
        Fact(
            "Return", change(done.total_return), f"buy and hold {change(held.total_return)}", _tone(done.total_return)
        ),
        Fact("Max drawdown", share(done.max_drawdown), f"buy and hold {share(held.max_drawdown)}"),
        Fact("Sharpe", ratio, f"buy and hold {beside}"),
        Fact("Trades", f"{len(outcome.trades):,}", traded[0]),
    ]


def compared(outcome: Outcome) -> str:
    """The result beside buying and holding, in a sentence."""
    done, held = outcome.performance.total_return, outcome.benchmark.total_return
    if done is None or held is None:
        return "The return is not defined."
    return f"It {_earned(done)}; buying and holding {_earned(held)}."


def verdict(outcome: Outcome) -> str:
    """What can be said of it."""
    return _large(outcome.verdict.words.partition(":")[0])


def tone(answer: str) -> str:
    """How a verdict that begins with these words looks: sound, lost or doubtful."""
    return next((tone for known, tone in TONES.items() if known == answer), "doubtful")


def brief(words: str) -> str:
    """A verdict in a few words."""
    return words.partition(":")[0].partition(",")[0]


def why(outcome: Outcome) -> str:
    """The numbers that say so; empty where there are none."""
    said = outcome.verdict.words.partition(": ")[2]
    return _large(said) + "." if said else ""


def halt(outcome: Outcome) -> str:
    """Since when nothing was entered any more, and why; empty where nothing forbade it."""
    found = stopped(outcome)
    return "" if found is None else found.said


def warmed(outcome: Outcome) -> str:
    """How much of the run strategies warmed up for; empty where it was less than a hundredth."""
    begin, end, scored = int(outcome.time[0]), int(outcome.time[-1]), outcome.scored_from
    if scored is None or (scored - begin) * 100 < end - begin:
        return ""
    return (
        f"Nothing was scored before {moment(scored)}: for {duration(scored - begin)} of {duration(end - begin)} every "
        f"strategy was warming up. The figures are of all of it; --from {moment(scored).replace(' ', 'T')} skips it."
    )


def left(outcome: Outcome) -> str:
    """What is held at the end; empty where nothing is."""
    if not outcome.held:
        return ""
    held = ", ".join(f"{price(quantity)} {symbol}" for symbol, quantity in sorted(outcome.held.items()))
    what, quote = counted(len(outcome.held), "position"), outcome.plan.quote
    so_far = gain(outcome.unrealised, quote)
    return (
        f"Still open at the end: {what} ({held}), {so_far} {quote} so far. That is in the final equity, at the last "
        "close's bid or a short's ask, and in no figure about trades."
    )


def _earned(value: float) -> str:
    return "earned nothing" if value == 0 else f"{'earned' if value > 0 else 'lost'} {share(abs(value))}"


def _tone(value: float | None) -> str:
    return "" if not value else "gain" if value > 0 else "loss"


def _large(words: str) -> str:
    return words[:1].upper() + words[1:]
