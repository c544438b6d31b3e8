"""The venue's own file: accounts, orders, fills, nonces and the place in the market.

What changes orders or balances is on the disk before anybody hears of it; the place in the market is only handed to
the operating system, which is enough to survive the death of the process.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.exchange_simulator.errors import BadConfiguration
from services.exchange_simulator.orders import Fill, Order

TABLES = """
create table if not exists facts (name text primary key, value text not null) strict;
create table if not exists balances (asset text primary key, amount text not null) strict;
create table if not exists orders (number integer primary key, body text not null) strict;
create table if not exists fills (event integer primary key, body text not null) strict;
create table if not exists nonces (key text primary key, nonce integer not null) strict;
"""


class Store:
    """One SQLite file, locked for one process. Raises BadConfiguration where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=0.5)
            self._db.execute("pragma locking_mode=exclusive")
            self._db.execute("pragma journal_mode=wal")
            self._db.executescript(TABLES)
        except sqlite3.DatabaseError as error:
            raise BadConfiguration(
                f"{path}: {error}; another simulator may be using it, or it is no state file"
            ) from None

    def close(self) -> None:
        self._db.close()

    def fact(self, name: str) -> Any:
        with closing(self._db.execute("select value from facts where name=?", (name,))) as rows:
            row = rows.fetchone()
        return None if row is None else json.loads(row[0])

    def balances(self) -> dict[str, Decimal]:
        return {asset: Decimal(text) for asset, text in self._db.execute("select asset, amount from balances")}

    def orders(self) -> list[Order]:
        rows = self._db.execute("select body from orders order by number")
        return [Order.restored(json.loads(body)) for (body,) in rows]

    def fills(self) -> list[Fill]:
        rows = self._db.execute("select body from fills order by event")
        return [Fill.restored(json.loads(body)) for (body,) in rows]

    def nonces(self) -> dict[str, int]:
        return dict(self._db.execute("select key, nonce from nonces"))

    def save_books(
        self,
        balances: Mapping[str, Decimal],
        orders: Iterable[Order],
        fills: Iterable[Fill],
        facts: Mapping[str, object],
    ) -> None:
        """One transaction, synced."""
        with self._transaction("full"):
            self._db.executemany("replace into balances values (?, ?)", [(a, str(v)) for a, v in balances.items()])
            self._db.executemany(
                "replace into orders values (?, ?)", [(o.number, json.dumps(o.record())) for o in orders]
            )
            self._db.executemany("insert into fills values (?, ?)", [(f.event, json.dumps(f.record())) for f in fills])
            self._save_facts(facts)

    def save_place(self, facts: Mapping[str, object]) -> None:
        """One transaction, left to the operating system to write."""
        with self._transaction("off"):
            self._save_facts(facts)

    def save_nonce(self, key: str, nonce: int) -> None:
        with self._transaction("off"):
            self._db.execute("replace into nonces values (?, ?)", (key, nonce))

    def _save_facts(self, facts: Mapping[str, object]) -> None:
        self._db.executemany("replace into facts values (?, ?)", [(k, json.dumps(v)) for k, v in facts.items()])

    def _transaction(self, synchronous: str) -> "_Transaction":
        return _Transaction(self._db, synchronous)


class _Transaction:
    def __init__(self, db: sqlite3.Connection, synchronous: str) -> None:
        self._db = db
        self._synchronous = synchronous

    def __enter__(self) -> None:
        self._db.execute(f"pragma synchronous={self._synchronous}")
        self._db.execute("begin immediate")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        try:
            self._db.execute("rollback" if kind else "commit")
        except sqlite3.Error as failed:
            error = failed
        if isinstance(error, sqlite3.Error):
            # What is in memory is now ahead of the file. Only the file counts: die, and start again from it.
            raise SystemExit(f"exchange_simulator: the state file cannot be written: {error}") from error
