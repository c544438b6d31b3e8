# mypy: ignore-errors
"""One case on one peer: `python play.py ENGINE KIND ARRAYS.npz REPEATS`.

The peers get our exact signals (their float averages put ties on either side), and in the timed part compute both
averages all the same, as their user would. They get our ATR too, as theirs starts differently.

backtesting.py plays only some of a sweep's pairs. Its time is scaled up; its trades and equity are those of these few
pairs, which compare with nobody's, so that they are left out.
"""

import json
import sys
import time
import warnings
from importlib import import_module
from pathlib import Path

import numpy as np
from peak import peak_mb
from rules import SAMPLED

warnings.filterwarnings("ignore")
MODULES = {"vectorbt": "by_vectorbt", "backtesting.py": "by_backtesting"}


def main() -> None:
    """Play it once, then as often as asked, and print what it took as JSON."""
    engine, kind, place, repeats = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    play = import_module(MODULES[engine]).played
    with np.load(place) as kept:
        arrays = dict(kept)
    began = time.perf_counter()
    trades, equity = play(kind, arrays)
    first = best = time.perf_counter() - began
    for _ in range(repeats):
        began = time.perf_counter()
        play(kind, arrays)
        best = min(best, time.perf_counter() - began)
    scale = len(arrays["pairs"]) / SAMPLED if kind == "sweep" and engine == "backtesting.py" else 1.0
    peak = peak_mb()
    found = {"seconds": best * scale, "first_seconds": first * scale, "peak_mb": peak}
    if scale > 1:
        found |= {"trades": None, "final_equity": None, "note": f"{SAMPLED} pairs, scaled"}
    else:
        found |= {"trades": trades, "final_equity": equity, "note": ""}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
