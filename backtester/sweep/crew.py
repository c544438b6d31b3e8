"""Who plays the trials: threads or processes of this machine, or a cluster, through joblib."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import joblib

from backtester.sweep.names import Backend
from shared.errors import ConfigError

library: Any = joblib  # has no types
Tasks = Iterable[Any]
Play = Callable[[Tasks], Iterator[Any]]
SHARED_FROM = "64K"
"""Arrays from this size on are written once to shared memory or disk, and mapped by every process."""


@dataclass(frozen=True, slots=True)
class Crew:
    """`jobs` at a time, None: as many as there are cores; `scheduler` is the address of the cluster's."""

    backend: Backend = "loky"
    jobs: int | None = None
    scheduler: str | None = None

    @contextmanager
    def ready(self, shared: object) -> Iterator[Play]:
        """Takes delayed calls and gives their results as they come; `shared` is their common argument.

        ConfigError where a cluster's library is missing, or nobody answers.
        """
        with ExitStack() as held:
            if self.backend == "dask":
                client = held.enter_context(self._dask())
                held.enter_context(library.parallel_config(backend="dask", client=client, scatter=[shared]))
            elif self.backend == "ray":
                self._join_ray()
            yield held.enter_context(self._parallel())

    def _parallel(self) -> Any:
        """Ray's backend, made of a pool, gives results only together."""
        jobs = -1 if self.jobs is None else self.jobs
        together = "list" if self.backend == "ray" else "generator_unordered"
        if self.backend == "dask":
            return library.Parallel(n_jobs=jobs, return_as=together)
        own = {"initializer": _leave_ctrl_c} if self.backend == "loky" else {}
        return library.Parallel(n_jobs=jobs, backend=self.backend, return_as=together, max_nbytes=SHARED_FROM, **own)

    def _dask(self) -> Any:
        if not self.scheduler:
            raise ConfigError(
                "--backend dask: needs --scheduler tcp://HOST:8786; start one with `dask scheduler` and, on every "
                "machine that has this version of Parley, `dask worker tcp://HOST:8786`"
            )
        distributed = _library("distributed", "dask", "pip install 'dask[distributed]'")
        try:
            return distributed.Client(self.scheduler, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"--scheduler {self.scheduler}: no Dask scheduler answers ({error}); `dask scheduler` starts one"
            ) from None

    def _join_ray(self) -> None:
        ray = _library("ray", "ray", "pip install ray")
        address = self.scheduler or os.environ.get("RAY_ADDRESS") or "auto"
        try:
            if not ray.is_initialized():
                ray.init(address=address, log_to_driver=False)
        except (ConnectionError, ValueError) as error:
            raise ConfigError(
                f"--backend ray: no cluster at {address} ({error}); start one with `ray start --head`, and point to it "
                "with --scheduler HOST:6379 or RAY_ADDRESS"
            ) from None
        import_module("ray.util.joblib").register_ray()


def _leave_ctrl_c() -> None:
    """To the process that they work for: it ends them, and they would each print where they were."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _library(module: str, backend: str, install: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError:
        raise ConfigError(
            f"--backend {backend}: is not installed; `{install}` here and on every machine of the cluster, "
            "or use --backend loky"
        ) from None
