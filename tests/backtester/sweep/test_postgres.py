"""A study in PostgreSQL."""

from pathlib import Path

import pytest

from backtester.sweep.record import Place
from shared.errors import ConfigError
from tests.backtester.sweep.searches import made, search, work


def test_a_study_in_a_database_goes_on(tmp_path: Path, empty_database_url: str) -> None:
    pytest.importorskip("psycopg")
    address = "postgresql://" + empty_database_url.partition("://")[2]
    place = Place.of(address, "mine", tmp_path, {})
    first = search(work(3), tmp_path, place=place)
    fresh: list[int] = []
    again = search(work(5), tmp_path, place=place, told=lambda done: fresh.append(len(done)))
    assert made(again[:3]) == made(first)
    assert fresh == [3, 4, 5]
    assert str(place) == "mine in PostgreSQL"


def test_a_database_that_does_not_answer_is_one_line_without_its_password(tmp_path: Path) -> None:
    place = Place.of("postgresql://me:secret@127.0.0.1:1/none", "mine", tmp_path, {})
    with pytest.raises(ConfigError, match="--study") as error:
        search(work(1), tmp_path, place=place)
    assert "secret" not in str(error.value)
