"""What stands above everything else."""

from typing import NamedTuple

from backtester.report.words import NOT_DEFINED, WITH_CENTS, change, counted, listing, money, price, share
from backtester.runs.outcome import Outcome
from shared.ids import canonical


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
        Fact("Final equity", f"{money(worth, quote)} {quote}", f"from {money(float(outcome.equity[0]), quote)}"),
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
    """Whether it could be luck."""
    return _large(outcome.verdict.words.partition(":")[0])


def why(outcome: Outcome) -> str:
    """The numbers that say so."""
    return _large(outcome.verdict.words.partition(": ")[2]) + "."


def left(outcome: Outcome) -> str:
    """What is held at the end; empty where nothing is."""
    if not outcome.held:
        return ""
    held = ", ".join(f"{price(quantity)} {symbol}" for symbol, quantity in sorted(outcome.held.items()))
    what, quote = counted(len(outcome.held), "position"), outcome.plan.quote
    so_far = f"{outcome.unrealised:+,.2f}" if quote in WITH_CENTS else f"{canonical(outcome.unrealised)}"
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
