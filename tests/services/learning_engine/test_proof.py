from pathlib import Path

from benchmarks.prove_learning import proof, verdict
from shared.config import load_settings
from shared.db import Database


async def test_a_planted_loser_falls_a_winner_rises_and_coin_flips_stay_within_noise(
    database: Database, tmp_path: Path
) -> None:
    settings = load_settings(data_dir=tmp_path)
    found = await proof(database, settings, number=5, length=180)
    assert [course for courses in found.values() for course in courses if not verdict(course, settings)] == []
