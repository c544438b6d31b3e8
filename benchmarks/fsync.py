"""What the disk takes to keep a page: the floor under everything that is committed durably.

`python -m benchmarks.fsync [FOLDER]` prints fsync_ms: the median of 8 KiB appended to a file and synced, as PostgreSQL
writes its log. FOLDER is by default where the other benchmarks keep their servers.
"""

import argparse
import json
import os
import tempfile
import time
from statistics import median

PAGE = b"\x5a" * 8192
WARM_UP = 20


def measure(folder: str | None = None, count: int = 300) -> dict[str, float]:
    """Milliseconds of a write and its fdatasync."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        found = [_once(file.fileno()) for _ in range(count + WARM_UP)]
    return {"fsync_ms": round(median(found[WARM_UP:]) * 1000, 3)}


def _once(descriptor: int) -> float:
    began = time.perf_counter()
    os.write(descriptor, PAGE)
    os.fdatasync(descriptor)
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="on the disk in question")
    parser.add_argument("--json", action="store_true", help="as always; here for symmetry with the other benchmarks")
    print(json.dumps(measure(parser.parse_args().folder)))


if __name__ == "__main__":
    main()
