"""When opens were printed and orders accepted, as benchmarks read it."""

from tests.services.exchange_simulator.rig import Rig


async def test_an_order_is_timed_after_the_open_that_it_answers(rig: Rig) -> None:
    client = rig.client()
    await rig.sim("open")
    await client.create_order("BTC/USD", "market", "buy", "1", None, {"clientOrderId": "first"})
    await rig.sim("match")
    await rig.sim("walk")
    await rig.sim("open")
    await client.create_order("BTC/USD", "market", "sell", "1", None, {"clientOrderId": "second"})
    timings = await rig.sim("timings", "GET")
    one, two = timings["printed"]
    first, second = timings["received"]
    assert one < first["at"] < two < second["at"]
    assert (first["cl_ord_id"], first["side"], first["kind"]) == ("first", "buy", "market")
    assert (second["cl_ord_id"], second["side"]) == ("second", "sell")


async def test_a_refused_order_is_not_timed(rig: Rig) -> None:
    await rig.sim("open")
    reply = await rig.client().private_post_addorder(
        {"pair": "XBTUSD", "type": "buy", "ordertype": "market", "volume": "1", "validate": "true"}
    )
    assert "txid" not in reply["result"]
    assert (await rig.sim("timings", "GET"))["received"] == []
