"""The executor as a process of its own, between a real Redis, a real PostgreSQL and the exchange simulator.

The test plays market_data, the council and position_manager, and conducts the venue in lock-step.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import text

from services.exchange_simulator.settings import DEFAULT_KEY, DEFAULT_SECRET
from shared.db import Database
from shared.ids import derived_id
from shared.models.busy import BUSY_ORDERS
from shared.redis_streams.bus import Bus
from shared.redis_streams.overview import group_lag
from shared.redis_streams.source import Source
from shared.schemas.council import CouncilDecided
from shared.schemas.market import BarsClosed, Mark
from shared.schemas.orders import ExitReason, ExitRequested
from tests.services.trade_executor.builders import BTC, D

PARTITIONS = 2
PATIENCE = 40.0
Bar = tuple[str, str, str, str]


def write_bars(path: Path, bars: Sequence[Bar]) -> Path:
    """A CSV of 1m bars (open, high, low, close) from 2026-01-01 on."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [",".join(((start + timedelta(minutes=n)).isoformat(), *bar, "10")) for n, bar in enumerate(bars)]
    path.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


@dataclass
class Rig:
    """A running desk of one service."""

    folder: Path
    redis_url: str
    database_url: str
    database: Database
    bus: Bus
    venue_url: str = ""
    step: dict[str, Any] = field(default_factory=dict)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start_venue(self, data: Path) -> None:
        """The simulator, in lock-step."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.exchange_simulator", "--data", f"{BTC}={data}", "--speed", "max"),
            *("--port", "0", "--state", str(self.folder / "venue.db"), "--fast-keys"),
            stdout=asyncio.subprocess.PIPE,
            stderr=(self.folder / "venue.log").open("ab"),
        )
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        self.venue_url = f"http://127.0.0.1:{ready['port']}"
        self.processes["venue"] = process

    async def start_executor(self, name: str = "one", crash_at: str = "") -> None:
        """One executor."""
        environment = {
            **os.environ,
            "REDIS_URL": self.redis_url,
            "DATABASE_URL": self.database_url,
            "DATA_DIR": str(self.folder),
            "PARTITIONS": str(PARTITIONS),
            "INSTANCE": name,
            "SYMBOLS": BTC,
            "TIMEFRAME": "1m",
            "TRADING_MODE": "demo",
            "ORDER_VALIDATE_ONLY": "false",
            "VENUE_URL": self.venue_url,
            "PLAYBACK_SPEED": "0",
            "KRAKEN_API_KEY": DEFAULT_KEY,
            "KRAKEN_PRIVATE_KEY": DEFAULT_SECRET,
            "LEASE_TTL": "PT1S",
            "PARLEY_CRASH_AT": crash_at,
        }
        self.processes[name] = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.trade_executor.main"),
            env=environment,
            stdout=(self.folder / f"{name}.log").open("ab"),
            stderr=asyncio.subprocess.STDOUT,
        )

    async def restarted(self, name: str) -> None:
        """Wait until it has been killed, then start it again as a supervisor would."""
        assert await self.processes[name].wait() == -signal.SIGKILL
        await self.start_executor(name)

    async def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            if process.returncode is None:
                process.terminate()
        for process in self.processes.values():
            await asyncio.wait_for(process.wait(), 20)
        await self.bus.close()

    async def venue(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A control request."""
        async with aiohttp.request(method, self.venue_url + path, json=body) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status < 400, answer
            return answer

    async def advance(self) -> dict[str, Any]:
        """The venue's next phase, and the instant that it ends."""
        self.step = await self.venue("POST", "/sim/advance")
        await self.settle([execution["exec_id"] for execution in self.step["executions"]])
        return self.step

    async def next_bar(self) -> None:
        """Advance until the venue has opened another bar."""
        step = self.step["step"]
        while self.step["step"] == step:
            await self.advance()

    async def until(self, status: str, trades: int) -> None:
        """Advance, bar by bar, until so many trades have that status."""
        for _ in range(4):
            await self.next_bar()
            if len(await self.rows(f"SELECT id FROM trades WHERE status = '{status}'")) == trades:
                return
        raise AssertionError(f"there are not {trades} trades {status}: {await self.rows('SELECT * FROM orders')}")

    @property
    def clock(self) -> datetime:
        """The venue's."""
        return datetime.fromisoformat(self.step["clock"])

    async def end_instant(self, bid: str, ask: str) -> None:
        """What market_data would say."""
        await Source(self.bus, "market_data").publish_unseen(
            BarsClosed(
                message_id=derived_id("BarsClosed", self.clock),
                occurred_at=self.clock,
                timeframe="1m",
                symbols=(BTC,),
                marks=(Mark(symbol=BTC, bid=D(bid), ask=D(ask)),),
            )
        )

    async def decide(self, verdict: str, atr: str = "1") -> None:
        """What the council would say."""
        await Source(self.bus, "council").publish_unseen(
            CouncilDecided.model_validate(
                {
                    "message_id": derived_id("CouncilDecided", self.clock),
                    "occurred_at": self.clock,
                    "symbol": BTC,
                    "timeframe": "1m",
                    "signal_id": derived_id("SignalGenerated", self.clock),
                    "verdict": verdict,
                    "probability": 0.6,
                    "quorum": True,
                    "reason": "test",
                    "votes": (),
                    "score": 0.5,
                    "contributions": (),
                    "price": D("100"),
                    "atr": D(atr),
                    "cost": D("0"),
                    "expires_at": self.clock + timedelta(minutes=2),
                }
            )
        )

    async def want_exit(self, reason: ExitReason = "council") -> None:
        """What position_manager would say of the trade that is open."""
        (trade,) = await self.rows("SELECT id FROM trades WHERE status <> 'closed'")
        await Source(self.bus, "position_manager").publish_unseen(
            ExitRequested(
                message_id=derived_id("ExitRequested", trade["id"], self.clock),
                occurred_at=self.clock,
                symbol=BTC,
                trade_id=trade["id"],
                reason=reason,
            )
        )

    async def settle(self, executions: Sequence[str] = ()) -> None:
        """Until the executor has nothing left to do."""
        waiting: object = None
        async with asyncio.timeout(PATIENCE):
            calm = 0
            while calm < 2:
                waiting = await self._waiting(executions)
                calm = 0 if waiting else calm + 1
                await asyncio.sleep(0.002)

    async def _waiting(self, executions: Sequence[str]) -> object:
        lag = await group_lag(self.bus, "trade_executor")
        if lag.pending or lag.lag:
            return lag
        async with self.database.engine.connect() as connection:
            busy = (await connection.execute(BUSY_ORDERS)).scalar_one()
            found = await connection.execute(
                text("SELECT count(*) FROM fills WHERE execution_id = ANY(:ids)"), {"ids": list(executions)}
            )
            return busy or found.scalar_one() < len(executions)

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Rows of ours."""
        async with self.database.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(text(query))).mappings()]

    async def require_agreement(self) -> None:
        """Ledger and venue, to the last unit."""
        books = await self.venue("GET", "/sim/books")
        (account,) = await self.rows("SELECT cash, reserved FROM accounts")
        (held,) = await self.rows("SELECT coalesce(sum(held), 0) AS held FROM trades")
        assert account["cash"] == Decimal(books["cash"]["USD"])
        assert held["held"] == Decimal(books["positions"].get(BTC, "0"))
        (fills,) = await self.rows("SELECT count(*) AS count FROM fills")
        assert fills["count"] == len(books["fills"])
