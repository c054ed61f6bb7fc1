"""How long it takes to measure the languages of a generation.

    python benchmarks/measures.py --json

Medians of several repetitions on one thread, of random messages and of a compositional language with slips.
`--json` prints one object with, all in seconds: `all_measures_random`, `all_measures_noisy` (everything that one
generation reports, in one call), and of the random messages alone `topographic_similarities`, `language_distances`,
`signalling` (with 20 shuffles, of all speakers) and `interval` (topographic similarity of one speaker over 2,000
pairs, 200 halves); beside them `meanings`, `attributes`, `speakers`, `length` and `symbols`.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy is there

import numpy as np

# this folder has files named like packages, which are not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from language.measures import (
    all_measures,
    bootstrap_interval,
    language_distances,
    positive_signalling_bits,
    topographic_similarities,
    topographic_similarity,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--meanings", type=int, default=1000)
    parser.add_argument("--attributes", type=int, default=4)
    parser.add_argument("--speakers", type=int, default=16)
    parser.add_argument("--length", type=int, default=6)
    parser.add_argument("--symbols", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = (arguments.speakers, arguments.meanings, arguments.length)
    meanings = rng.integers(0, 8, (arguments.meanings, arguments.attributes))
    random = rng.integers(1, arguments.symbols + 1, shape)
    named = 1 + meanings[:, np.arange(arguments.length) % arguments.attributes] % arguments.symbols
    noisy = np.where(rng.random(shape) < 0.2, random, named)
    noisy[..., -1] *= rng.random(shape[:2]) < 0.5  # half of the messages end early

    def seconds(work: Callable[[], object]) -> float:
        work()
        times = []
        for _ in range(arguments.repetitions):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
        return median(times)

    def few_pairs(meanings: np.ndarray, messages: np.ndarray) -> float:
        return topographic_similarity(meanings, messages, max_pairs=2000)

    results: dict[str, float] = {
        "all_measures_random": seconds(lambda: all_measures(meanings, random, arguments.symbols)),
        "all_measures_noisy": seconds(lambda: all_measures(meanings, noisy, arguments.symbols)),
        "topographic_similarities": seconds(lambda: topographic_similarities(meanings, random)),
        "language_distances": seconds(lambda: language_distances(random)),
        "signalling": seconds(lambda: [positive_signalling_bits(meanings, messages) for messages in random]),
        "interval": seconds(lambda: bootstrap_interval(few_pairs, meanings, random[0])),
    }
    results = {name: float(f"{value:.3g}") for name, value in results.items()}
    results |= {name: getattr(arguments, name) for name in ("meanings", "attributes", "speakers", "length", "symbols")}
    if arguments.json:
        print(json.dumps(results))
    else:
        for name, value in results.items():
            print(f"{name.replace('_', ' '):26} {value:10.3g}")


if __name__ == "__main__":
    main()
