"""Clusters that are not there are named with the way to get them."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from backtester.sweep.crew import Crew
from shared.errors import ConfigError
from tests.backtester.sweep.searches import made, search, work


def test_dask_needs_its_scheduler(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--backend dask: needs --scheduler tcp://HOST:8786"):
        search(work(2), tmp_path, crew=Crew("dask"))


@pytest.mark.skipif(find_spec("distributed") is not None, reason="Dask is installed")
def test_dask_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--backend dask: is not installed; `pip install 'dask\[distributed\]'`"):
        search(work(2), tmp_path, crew=Crew("dask", scheduler="tcp://localhost:8786"))


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is installed")
def test_ray_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--backend ray: is not installed; `pip install ray`"):
        search(work(2), tmp_path, crew=Crew("ray"))


def test_on_dask(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        there = search(work(6), tmp_path / "there", crew=Crew("dask", scheduler=cluster.scheduler_address))
    assert made(there) == made(search(work(6), tmp_path / "here"))


def test_a_scheduler_that_does_not_answer(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match=r"--scheduler tcp://127\.0\.0\.1:1: no Dask scheduler answers"):
        search(work(2), tmp_path, crew=Crew("dask", scheduler="tcp://127.0.0.1:1"))
