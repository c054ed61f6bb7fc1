"""How short edits are, beside every plainer way to tell what changed.

    python benchmarks/edits.py                     simulated episodes
    python benchmarks/edits.py --arc FOLDER        and the pairs of the ARC tasks in FOLDER/*.json
    python benchmarks/edits.py --json              one object instead of tables

Each table has a line for each way, with its total in kbit, its mean and median in bits, and how many times longer it is
than edits. All are lossless, and who reads already knows the first grid (of an episode, or the input of a pair):

    raw               log2(colours) for each cell: 11 in simulated worlds, 10 in ARC
    entropy           each grid by the frequencies of its own colours, which are given for nothing
    changed cells     how many, and for each its place and new colour
    zlib, lzma        the whole episode in one piece, one byte a cell, less the length of its first grid alone
    zlib, lzma, differences   the same of all differences between one grid and the next (modulo 11)
    edits             `world.codec`, in fixed-length fields; no entropy coder comes after it
    acts              what the agents did, all acts equally likely, for who has the laws; none in ARC

Where the size changes, the first three also tell the new size in 2 log2(30) bits, changed cells are those that are not
empty, and in place of a difference stands the new grid. The unit is one tick: a transition of an episode, or a pair.
Medians are over ticks for raw, entropy, changed cells and edits, and over episodes, per tick, for the others. Below
each table: in which share of ticks edits are longer than raw, in which share of episodes (pairs in ARC) than the
shortest general compressor, mean tokens a tick, and codes found per second of processor time on one thread.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import itertools
import json
import lzma
import math
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from world import scenarios
from world.chance import start_states
from world.codec import code_bits, decode, encode
from world.codes import BOXLING_COLOUR, NUM_PLAIN_ACTS
from world.engine import Act, Eating, law_book, tick
from world.scatter import Scatter, scatter

Grid = np.ndarray
Episode = tuple[list[Grid], float | None]  # T + 1 grids, and the bits of the acts between them
_MAX_SIDE_CELLS = 30
_ARC_COLOURS = 10
# a window longer than any episode here; the preset's own of 64 MiB would take longer to clear than to use
_LZMA = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**16}]
GENERAL: dict[str, Callable[[bytes], bytes]] = {
    "zlib": lambda data: zlib.compress(data, 9),
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_RAW, filters=_LZMA),
}


def guide_episode(number: int) -> Episode:
    """World `number` of the scenario `guide` under random acts, which goes on after the push that decides it."""
    scenario = scenarios.get("guide")
    rng = np.random.default_rng(start_states(np.array([number]), "benchmark", "edits"))
    worlds = scenario.generate(np.array([number]), "train")
    num_builders = int((worlds.agent_body > 0).sum())
    grids = [worlds.colour[0, worlds.owner[0]].astype(np.uint8)]
    for _ in range(scenario.num_steps):
        scenario.advance(worlds, rng.integers(0, NUM_PLAIN_ACTS, worlds.role.shape).astype(np.int8), None)
        worlds.is_over[:] = False
        grids.append(worlds.colour[0, worlds.owner[0]].astype(np.uint8))
    return grids, scenario.num_steps * num_builders * math.log2(NUM_PLAIN_ACTS)


# add a name and a function from an episode's number to its T + 1 grids and the bits of its acts, and it has a table
def engine_episode(number: int) -> Episode:
    """Random world `number` of the engine, 16 x 16 with 8 bodies and 4 agents: pushes, gravity and eating."""
    rng = np.random.default_rng(start_states(np.array([number]), "benchmark", "edits"))
    laws = law_book(gravity=Act.DOWN, eating=Eating.JOIN)
    arena = scatter(np.array([number]), Scatter(), laws)
    grids = [arena.picture()[0]]
    for acts in rng.integers(0, NUM_PLAIN_ACTS, (20, 1, arena.agent_body.shape[1])):
        tick(arena, acts)
        grids.append(arena.picture()[0])
    return grids, 20 * arena.agent_body.shape[1] * math.log2(NUM_PLAIN_ACTS)


SOURCES: dict[str, Callable[[int], Episode]] = {"guide": guide_episode, "engine": engine_episode}


def arc_pairs(folder: Path, is_same_size: bool) -> Iterator[Episode]:
    """Each pair of the tasks in a folder as an episode of one tick; pairs with a longer side than 30 are left out."""
    for path in sorted(folder.glob("*.json")):
        for task in json.loads(path.read_text(encoding="utf-8")).values():
            for pair in task["train"] + task["test"]:
                grids = [np.array(pair[side], np.uint8) for side in ("input", "output")]
                longest = max(grids[0].shape + grids[1].shape)
                if longest <= _MAX_SIDE_CELLS and (grids[0].shape == grids[1].shape) == is_same_size:
                    yield grids, None


def raw_bits(before: Grid, after: Grid, num_colours: int) -> float:
    return after.size * math.log2(num_colours) + _size_bits(before, after)


def entropy_bits(before: Grid, after: Grid, num_colours: int) -> float:
    counts = np.bincount(after.ravel(), minlength=num_colours)
    counts = counts[counts > 0]
    return float((counts * np.log2(after.size / counts)).sum()) + _size_bits(before, after)


def changed_cells_bits(before: Grid, after: Grid, num_colours: int) -> float:
    known = before if before.shape == after.shape else np.zeros_like(after)
    bits_of_cell = math.log2(after.size) + math.log2(num_colours - 1)
    return math.log2(after.size + 1) + int((known != after).sum()) * bits_of_cell + _size_bits(before, after)


def _size_bits(before: Grid, after: Grid) -> float:
    return 0.0 if before.shape == after.shape else 2 * math.log2(_MAX_SIDE_CELLS)


PER_TICK: dict[str, Callable[[Grid, Grid, int], float]] = {
    "raw": raw_bits,
    "entropy": entropy_bits,
    "changed cells": changed_cells_bits,
}


def general_bits(grids: list[Grid]) -> dict[str, float]:
    """The bits of a whole episode after its first grid, by each general compressor."""
    differences = [
        ((after.astype(np.int16) - before) % (BOXLING_COLOUR + 1)).astype(np.uint8)
        if before.shape == after.shape
        else after
        for before, after in itertools.pairwise(grids)
    ]
    whole, first, changes = (b"".join(g.tobytes() for g in part) for part in (grids, grids[:1], differences))
    bits = {}
    for name, compress in GENERAL.items():
        bits[name] = 8.0 * (len(compress(whole)) - len(compress(first)))
        bits[f"{name}, differences"] = 8.0 * len(compress(changes))
    return bits


def measure(episodes: list[Episode], num_colours: int) -> dict[str, object]:
    """All that one table says; bits by name of the way."""
    totals: dict[str, float] = {}
    samples: dict[str, list[float]] = {}  # of what the medians are
    num_ticks, num_tokens, longer_than_raw, longer_than_general = 0, 0, 0, 0
    seconds = 0.0
    encode(episodes[0][0][0], episodes[0][0][1])

    def count(name: str, bits: float, ticks: int) -> None:
        totals[name] = totals.get(name, 0.0) + bits
        samples.setdefault(name, []).append(bits / ticks)

    for grids, bits_of_acts in episodes:
        edits_of_episode = 0.0
        for before, after in itertools.pairwise(grids):
            started = time.process_time()
            tokens = encode(before, after)
            seconds += time.process_time() - started
            if not np.array_equal(decode(before, tokens), after):
                raise AssertionError("a code does not lead to its grid")
            edits = code_bits(tokens, before)
            for name, bits_of in PER_TICK.items():
                count(name, bits_of(before, after, num_colours), 1)
            count("edits", edits, 1)
            edits_of_episode += edits
            longer_than_raw += edits > samples["raw"][-1]
            num_tokens += len(tokens)
        ticks = len(grids) - 1
        num_ticks += ticks
        general = general_bits(grids)
        for name, bits in general.items():
            count(name, bits, ticks)
        longer_than_general += edits_of_episode > min(general.values())
        if bits_of_acts is not None:
            count("acts", bits_of_acts, ticks)
    order = [*PER_TICK, *general, "edits", *(["acts"] if "acts" in totals else [])]
    return {
        "episodes": len(episodes),
        "ticks": num_ticks,
        "ways": {
            name: {
                "total_kbit": round(totals[name] / 1000, 3),
                "mean_bits": round(totals[name] / num_ticks, 2),
                "median_bits": round(median(samples[name]), 2),
                "times_edits": round(totals[name] / totals["edits"], 3),
            }
            for name in order
        },
        "share_longer_than_raw": round(longer_than_raw / num_ticks, 4),
        "share_longer_than_best_general": round(longer_than_general / len(episodes), 4),
        "mean_tokens": round(num_tokens / num_ticks, 2),
        "edits_per_second": round(num_ticks / seconds),
    }


def table_of(name: str, result: dict) -> str:
    """The lines that people read."""
    lines = [f"{name}: {result['episodes']} episodes, {result['ticks']} ticks"]
    lines.append(f"{'':20} {'total kbit':>12} {'mean bits':>11} {'median bits':>12} {'x edits':>9}")
    for way, bits in result["ways"].items():
        lines.append(
            f"{way:20} {bits['total_kbit']:12.1f} {bits['mean_bits']:11.1f} {bits['median_bits']:12.1f}"
            f" {bits['times_edits']:9.2f}"
        )
    lines.append(
        f"edits are longer than raw in {result['share_longer_than_raw']:.1%} of ticks, than the best general "
        f"compressor in {result['share_longer_than_best_general']:.1%} of episodes; "
        f"{result['mean_tokens']} tokens a tick; {result['edits_per_second']:,} a second"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--episodes", type=int, default=300, help="of each simulated source")
    parser.add_argument("--arc", type=Path, help="folder with ARC tasks as JSON")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = {
        name: measure([source(number) for number in range(arguments.episodes)], BOXLING_COLOUR + 1)
        for name, source in SOURCES.items()
    }
    if arguments.arc:
        for name, is_same_size in (("arc, same size", True), ("arc, other size", False)):
            episodes = list(arc_pairs(arguments.arc, is_same_size))
            if not episodes:
                parser.error(f"there are no such pairs in {arguments.arc}: {name}")
            results[name] = measure(episodes, _ARC_COLOURS)
    if arguments.json:
        print(json.dumps(results))
    else:
        print("\n\n".join(table_of(name, result) for name, result in results.items()))


if __name__ == "__main__":
    main()
