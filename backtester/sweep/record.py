"""What a search has made so far: an Optuna study, and beside it the daily returns of every trial."""

import fcntl
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from sqlalchemy.exc import SQLAlchemyError

from backtester.metrics.deviation import Floats
from backtester.runs.code import code_of
from backtester.sweep.names import SamplerName
from backtester.sweep.objective import DEFLATED
from backtester.sweep.proposals import frozen
from backtester.sweep.trial import Trial, Work
from shared.embedded.folder import plain_words
from shared.errors import ConfigError

Json = dict[str, Any]
POSTGRESQL = "postgresql://"
JOURNAL_LINE = b'{"op_code":'
"""How a line of Optuna's journal begins; other files are left alone."""
IDENTITY, NUMBER = "parley", "number"


def identity(work: Work, sampler: SamplerName) -> Json:
    """All that decides which trials are made, and what they give; their number only where the objective counts it."""
    return {
        "plan": work.plan.model_dump(mode="json"),
        "params": {name: json.loads(distribution_to_json(one)) for name, one in work.space.distributions.items()},
        "objective": work.objective,
        "min_trades": work.min_trades,
        "sampler": sampler,
        "trials": work.trials if work.objective == DEFLATED else None,
        "candles": work.candles,
        "code": code_of(work.plan),
    }


def short_id(known: Json) -> str:
    """Ten hex digits of an identity."""
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a study is: a journal file, or a PostgreSQL `url` and the study's `name` there; returns lie in a folder."""

    name: str
    folder: Path
    url: str = ""

    @classmethod
    def of(cls, study: str | None, name: str | None, data_dir: Path, known: Json) -> "Place":
        """From options as typed; by default under `data_dir`, named by what is searched."""
        usual = name or short_id(known)
        if study is None:
            return cls(usual, data_dir / "sweeps")
        if "://" not in study:
            path = Path(study)
            return cls(name or path.stem, path.parent) if path.suffix == ".log" else cls(path.name, path.parent)
        if not study.startswith(POSTGRESQL):
            raise ConfigError("--study: give a file, or postgresql://USER@HOST/DATABASE")
        return cls(usual, data_dir / "sweeps", study)

    @property
    def journal(self) -> Path:
        """The study's file."""
        return self.folder / f"{self.name}.log"

    @property
    def returns(self) -> Path:
        """The folder of the trials' daily returns, a file each: NUMBER.npy."""
        return self.folder / f"{self.name}.returns"

    def __str__(self) -> str:
        return f"{self.name} in PostgreSQL" if self.url else str(self.journal)


class Record:
    """An open study. Only `opened` makes one."""

    def __init__(self, place: Place, study: optuna.Study, work: Work) -> None:
        self.place, self._study, self._work = place, study, work

    def trials(self) -> dict[int, Trial]:
        """All that are kept with their returns, by number."""
        found: dict[int, Trial] = {}
        for one in self._study.get_trials(deepcopy=False):
            returns = self._returns(one)
            if returns is not None:
                found.setdefault(one.user_attrs[NUMBER], _trial(one, returns))
        return found

    def keep(self, trial: Trial) -> None:
        """Returns first: a trial without them counts as not made, and is made again."""
        with plain_words("sweeps", self.place.folder):
            path = self._path(trial.number)
            unfinished = path.with_suffix(".part")
            with unfinished.open("wb") as file:
                np.save(file, trial.returns)
            unfinished.rename(path)
            with _database_words(self.place):
                self._study.add_trial(frozen(trial, self._work.space, _attributes(trial)))

    def _returns(self, one: FrozenTrial) -> Floats | None:
        if NUMBER not in one.user_attrs or not (path := self._path(one.user_attrs[NUMBER])).exists():
            return None
        returns: Floats = np.load(path)
        return returns

    def _path(self, number: int) -> Path:
        return self.place.returns / f"{number:06d}.npy"


@contextmanager
def opened(place: Place, work: Work, known: Json) -> Iterator[Record]:
    """The study there, begun or gone on with, for this process alone.

    ConfigError where it belongs to another search, by what differs, or can't be read.
    """
    with plain_words("sweeps", place.folder):
        place.returns.mkdir(parents=True, exist_ok=True)
        with _locked(place), _database_words(place):
            study = optuna.create_study(
                storage=_storage(place), study_name=place.name, direction="maximize", load_if_exists=True
            )
            begun = study.user_attrs.get(IDENTITY)
            if begun is None:
                study.set_user_attr(IDENTITY, known)
            else:
                _require_same(place, begun, json.loads(json.dumps(known)))
            yield Record(place, study, work)


def _storage(place: Place) -> BaseStorage:
    if not place.url:
        _drop_unfinished_line(place.journal)
        _require_whole(place.journal)
        try:
            return JournalStorage(JournalFileBackend(str(place.journal)))
        except (ValueError, KeyError) as error:
            raise ConfigError(f"--study {place.journal}: is no study ({error}); name another file") from None
    if find_spec("psycopg") is None:
        raise ConfigError(
            "--study postgresql://…: needs psycopg; `pip install 'psycopg[binary]'`, or name a file instead"
        )
    return RDBStorage(place.url.replace(POSTGRESQL, "postgresql+psycopg://", 1))


def _drop_unfinished_line(journal: Path) -> None:
    """What a full disk or a killed process cut off, before the next line is glued to it and nothing can be read."""
    if not journal.exists():
        return
    with journal.open("r+b") as file:
        if not JOURNAL_LINE.startswith(file.read(len(JOURNAL_LINE))):
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


def _require_whole(journal: Path) -> None:
    """Optuna would read past a damaged last line, and stop at the next for good. ConfigError names the line."""
    if not journal.exists():
        return
    with journal.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not _is_entry(line):
                raise ConfigError(_damaged(journal, number))


def _is_entry(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and "op_code" in entry


def _damaged(journal: Path, number: int) -> str:
    if number == 1:
        return f"--study {journal}: is no study (line 1 is no entry of one); name another file"
    return (
        f"--study {journal}, line {number}: is damaged; put back a copy of the file, keep the trials before that line "
        f"(`head -n {number - 1}`), or name another study"
    )


@contextmanager
def _database_words(place: Place) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        said = str(getattr(error, "orig", None) or error.__cause__ or error).strip().splitlines()
        raise ConfigError(
            f"--study: the database of {place} says: {said[0] if said else type(error).__name__}"
        ) from None


@contextmanager
def _locked(place: Place) -> Iterator[None]:
    with (place.folder / f"{place.name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"--study {place}: another process works on it; wait, or name another") from None
        yield


def _require_same(place: Place, begun: Json, known: Json) -> None:
    differing = [f"{name} was {was}, now {now}" for name, was, now in _differences("", begun, known)]
    if differing:
        raise ConfigError(
            f"--study {place} was begun with another search: {'; '.join(differing[:5])}. Go on with what it was begun "
            "with, or name another study"
        )


def _differences(name: str, was: object, now: object) -> Iterator[tuple[str, object, object]]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted({*was, *now}):
            yield from _differences(f"{name}.{key}" if name else key, was.get(key), now.get(key))
    elif was != now:
        yield name, was, now


def _attributes(trial: Trial) -> Mapping[str, object]:
    return {NUMBER: trial.number, "reason": trial.reason, "trades": trial.trades, "figures": dict(trial.figures)}


def _trial(one: FrozenTrial, returns: Floats) -> Trial:
    known = one.user_attrs
    return Trial(
        number=known[NUMBER],
        params=dict(one.params),
        value=one.value,
        reason=known["reason"],
        trades=known["trades"],
        figures=known["figures"],
        returns=returns,
    )
