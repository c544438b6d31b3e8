"""Money: exact to the last unit, whatever is bought and sold."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.exchange_simulator.assembly import assemble
from services.exchange_simulator.errors import BadConfiguration, KrakenError
from services.exchange_simulator.pairs import fixed, pair
from tests.services.exchange_simulator.rig import settings_for, write_candles

FORMS = ("market", "limit", "stop-loss", "cancel", "amend")
actions = st.lists(
    st.tuples(
        st.sampled_from(FORMS),
        st.sampled_from(["buy", "sell"]),
        st.integers(5_000, 4_000_000_000),
        st.integers(880, 1120),
    ),
    max_size=6,
)


def rounded(numerator: int, denominator: int) -> int:
    """Half-even division, written apart from the venue's."""
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2))


@settings(max_examples=25)
@given(steps=st.lists(actions, min_size=4, max_size=4))
def test_cash_is_the_opening_balance_less_what_was_bought_plus_what_was_sold(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("venue")
    simulator = assemble(settings_for(folder / "v.db", [str(write_candles(folder / "d.csv"))], fast_keys=True))
    calls, private = simulator.admin.calls, simulator.private
    for wanted in steps:
        calls["POST", "open"]({})
        for kind, side, lots, ticks in wanted:
            _act(private, kind, side, fixed(lots, 8), fixed(ticks, 1))
        calls["POST", "match"]({})
        calls["POST", "walk"]({})
        _check(calls["GET", "books"]({}), simulator.venue.exchange.fills)
    simulator.store.close()


def _act(private: Any, kind: str, side: str, quantity: str, price: str) -> None:
    try:
        if kind in ("cancel", "amend"):
            found = list(private.open_orders({})["open"])
            if found and kind == "cancel":
                private.cancel_order({"txid": found[0]})
            elif found:
                private.amend_order({"txid": found[0], "order_qty": quantity})
        else:
            private.add_order({"pair": "XBTUSD", "type": side, "ordertype": kind, "volume": quantity, "price": price})
    except KrakenError:
        pass  # a refusal may happen; what must hold is that it books nothing


def _check(books: dict[str, Any], fills: list[Any]) -> None:
    cash, lots = 10_000 * 10_000, 0
    for fill in fills:
        cost = rounded(fill.ticks * fill.lots, 10**5)
        fee = rounded(cost * (26 if fill.liquidity == "t" else 16), 10_000)
        cash += -cost - fee if fill.side == "buy" else cost - fee
        lots += fill.lots if fill.side == "buy" else -fill.lots
    assert books["cash"]["USD"] == fixed(cash, 4)
    assert Decimal(books["positions"].get("BTC/USD", "0")) == Decimal(lots).scaleb(-8)
    assert cash >= 0
    assert lots >= 0
    assert Decimal(books["reserved"].get("USD", "0")) <= Decimal(books["cash"]["USD"])
    assert Decimal(books["reserved"].get("BTC", "0")) <= Decimal(lots).scaleb(-8)
    assert [fill.event for fill in fills] == list(range(1, len(fills) + 1))


@given(ticks=st.integers(1, 10**12), lots=st.integers(1, 10**16))
def test_cost_and_fee_round_half_even_to_the_quotes_decimals(ticks: int, lots: int) -> None:
    of = pair("BTC/USD")
    cost = of.cost(ticks, lots)
    assert cost == Decimal(rounded(ticks * lots, 10**5)).scaleb(-4)
    assert of.fee(cost, Decimal("0.0026")) == Decimal(rounded(int(cost.scaleb(4)) * 26, 10**4)).scaleb(-4)


def test_a_venue_keeps_its_books_through_any_restart(tmp_path: Path) -> None:
    chosen = settings_for(tmp_path / "v.db", [str(write_candles(tmp_path / "d.csv"))], fast_keys=True)
    shown: list[Any] = []
    for parameters in ({"ordertype": "market"}, {"ordertype": "limit", "price": "99"}, {"ordertype": "market"}):
        simulator = assemble(chosen)
        calls = simulator.admin.calls
        if calls["GET", "state"]({})["phase"] in ("start", "walked"):
            calls["POST", "open"]({})
        simulator.private.add_order({"pair": "XBTUSD", "type": "buy", "volume": "1"} | parameters)
        calls["POST", "advance"]({})
        shown.append(calls["GET", "books"]({}))
        simulator.store.close()
        again = assemble(chosen)
        assert again.admin.calls["GET", "books"]({}) == shown[-1]
        again.store.close()
    assert len(shown[-1]["fills"]) >= 2


@pytest.mark.parametrize(
    ("symbol", "name", "altname", "wsname"),
    [
        ("BTC/USD", "XXBTZUSD", "XBTUSD", "XBT/USD"),
        ("ETH/BTC", "XETHXXBT", "ETHXBT", "ETH/XBT"),
        ("ADA/BTC", "ADAXBT", "ADAXBT", "ADA/XBT"),
        ("SOL/USD", "SOLUSD", "SOLUSD", "SOL/USD"),
        ("DOGE/USD", "XDGUSD", "XDGUSD", "XDG/USD"),
    ],
)
def test_pairs_have_krakens_names(symbol: str, name: str, altname: str, wsname: str) -> None:
    of = pair(symbol)
    assert (of.id, of.altname, of.wsname) == (name, altname, wsname)


@pytest.mark.parametrize("symbol", ["BTCUSD", "BTC/", "/USD", "BTC/BTC", ""])
def test_what_is_no_pair_is_refused(symbol: str) -> None:
    with pytest.raises(BadConfiguration):
        pair(symbol)


@given(units=st.integers(0, 10**20), decimals=st.integers(0, 12))
def test_fixed_writes_every_digit(units: int, decimals: int) -> None:
    assert Decimal(fixed(units, decimals)) == Decimal(units).scaleb(-decimals)
    assert len(fixed(units, decimals).partition(".")[2]) == decimals
