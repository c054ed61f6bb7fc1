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
    lzma, differences, all episodes   the differences of all episodes in one piece
    edits             `world.codec`, in fixed-length fields; no entropy coder comes after it
    edits, adaptive   the bytes of `world.edit_coder` for each episode, which is all that it learns from
    edits, learned    the same, with the counts of the episodes before it: a learned model, prequential
    ..., bodies       the same for who also knows the bodies of the first grid; those after it are not told
    acts              what the agents did, all acts equally likely, for who has the laws; none in ARC

Where the size changes, the first three also tell the new size in 2 log2(30) bits, changed cells are those that are not
empty, and in place of a difference stands the new grid. The unit is one tick: a transition of an episode, or a pair.
Medians are over ticks for raw, entropy, changed cells and edits, and over episodes, per tick, for the others. Below
each table: in which share of ticks edits are longer than raw, in which share of episodes (pairs in ARC) than the
shortest general compressor, mean tokens a tick, and codes found per second of processor time on one thread. Then, for
each kind of edits, how many times shorter it is in all than the best general compressor of the differences of each
episode, and than the one of the differences of all episodes; in which shares of episodes it is longer than raw, than
the shortest general compressor, and than the shortest of differences; and how many ticks are packed and unpacked a
second. Acts can be longer than learned edits, because acts without effect are told too.

In the object that --json prints, each source has these as `ways`, `share_longer_than_raw`,
`share_longer_than_best_general`, `mean_tokens`, `edits_per_second`, by way in
`times_fewer_than_best_general_on_differences`, `times_fewer_than_general_on_all_differences`,
`share_of_episodes_longer_than_raw`, `share_of_episodes_longer_than_best_general` and
`share_of_episodes_longer_than_best_general_on_differences`, and as `packed_per_second` and `unpacked_per_second`.

The sources: `guide` and `engine` are worlds with agents that act at random all the time. In `pushes` of 8 x 8 to 24 x
24 cells, one body is pushed one step in each tick, drawn among all, under gravity and eating.
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
from typing import NamedTuple

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from world import scenarios
from world.chance import start_states
from world.codec import code_bits, decode, encode
from world.codes import BOXLING_COLOUR, NUM_PLAIN_ACTS
from world.edit_coder import Counts, pack, unpack
from world.engine import Act, Eating, build, law_book, tick
from world.scatter import Scatter, scatter

Grid = np.ndarray


class Episode(NamedTuple):
    """What happened in a world."""

    grids: list[Grid]  # T + 1
    bodies: Grid | None  # of the first grid, if they are known
    bits_of_acts: float | None  # of all T ticks, if there are acts


_MAX_SIDE_CELLS = 30
_ARC_COLOURS = 10
_NUM_TICKS = 20
# a window longer than any episode here; the preset's own of 64 MiB would take longer to clear than to use
_LZMA = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**16}]
_RIVALS = ("raw", "best_general", "best_general_on_differences")
_OF_ALL = "lzma, differences, all episodes"
_LZMA_OF_ALL = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 2**26}]
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
    grids, bodies = [worlds.colour[0, worlds.owner[0]].astype(np.uint8)], worlds.owner[0].copy()
    for _ in range(scenario.num_steps):
        scenario.advance(worlds, rng.integers(0, NUM_PLAIN_ACTS, worlds.role.shape).astype(np.int8), None)
        worlds.is_over[:] = False
        grids.append(worlds.colour[0, worlds.owner[0]].astype(np.uint8))
    return Episode(grids, bodies, scenario.num_steps * num_builders * math.log2(NUM_PLAIN_ACTS))


def engine_episode(number: int) -> Episode:
    """Random world `number` of the engine, 16 x 16 with 8 bodies and 4 agents: pushes, gravity and eating."""
    rng = np.random.default_rng(start_states(np.array([number]), "benchmark", "edits"))
    laws = law_book(gravity=Act.DOWN, eating=Eating.JOIN)
    arena = scatter(np.array([number]), Scatter(), laws)
    grids, bodies = [arena.picture()[0]], arena.grid()[0]
    for acts in rng.integers(0, NUM_PLAIN_ACTS, (_NUM_TICKS, 1, arena.agent_body.shape[1])):
        tick(arena, acts)
        grids.append(arena.picture()[0])
    return Episode(grids, bodies, _NUM_TICKS * arena.agent_body.shape[1] * math.log2(NUM_PLAIN_ACTS))


def pushes_episode(number: int, side_cells: int, num_bodies: int) -> Episode:
    """Random world `number` without agents, in which one body, drawn from all, is pushed in each tick."""
    rng = np.random.default_rng(start_states(np.array([number]), "benchmark", "pushes"))
    laws = law_book(gravity=Act.DOWN, eating=Eating.JOIN)
    what = Scatter(side_cells, side_cells, num_bodies, num_agents=0, num_wall_cells=side_cells**2 // 32)
    strewn = scatter(np.array([number]), what, laws)
    arena = build(strewn.grid(), strewn.colour, laws, flags=strewn.flags, agent_body=np.zeros((1, 1), np.uint8))
    grids, bodies = [arena.picture()[0]], arena.grid()[0]
    for body, act in zip(rng.integers(2, num_bodies + 2, _NUM_TICKS), rng.integers(1, 5, _NUM_TICKS), strict=True):
        # who is pushed acts for this tick
        is_there = arena.size[0, body] > 0
        arena.agent_body[0, 0] = body if is_there else 0
        arena.agent_cell[0, 0] = arena.first_cell[0, body] if is_there else -1
        tick(arena, np.array([[act]]))
        grids.append(arena.picture()[0])
    return Episode(grids, bodies, _NUM_TICKS * math.log2(4 * num_bodies))


# add a name and a function from an episode's number to the episode, and it has a table
SOURCES: dict[str, Callable[[int], Episode]] = {
    "guide": guide_episode,
    "engine": engine_episode,
    "pushes, 8 x 8": lambda number: pushes_episode(number, 8, 4),
    "pushes, 12 x 12": lambda number: pushes_episode(number, 12, 6),
    "pushes, 16 x 16": lambda number: pushes_episode(number, 16, 8),
    "pushes, 24 x 24": lambda number: pushes_episode(number, 24, 12),
}


def arc_pairs(folder: Path, is_same_size: bool) -> Iterator[Episode]:
    """Each pair of the tasks in a folder as an episode of one tick; pairs with a longer side than 30 are left out."""
    for path in sorted(folder.glob("*.json")):
        for task in json.loads(path.read_text(encoding="utf-8")).values():
            for pair in task["train"] + task["test"]:
                grids = [np.array(pair[side], np.uint8) for side in ("input", "output")]
                longest = max(grids[0].shape + grids[1].shape)
                if longest <= _MAX_SIDE_CELLS and (grids[0].shape == grids[1].shape) == is_same_size:
                    yield Episode(grids, None, None)


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


def differences_of(grids: list[Grid]) -> bytes:
    """What differs from each grid to the next, a byte a cell."""
    differences = [
        ((after.astype(np.int16) - before) % (BOXLING_COLOUR + 1)).astype(np.uint8)
        if before.shape == after.shape
        else after
        for before, after in itertools.pairwise(grids)
    ]
    return b"".join(difference.tobytes() for difference in differences)


def general_bits(grids: list[Grid]) -> dict[str, float]:
    """The bits of a whole episode after its first grid, by each general compressor."""
    whole, first = (b"".join(grid.tobytes() for grid in part) for part in (grids, grids[:1]))
    bits = {}
    for name, compress in GENERAL.items():
        bits[name] = 8.0 * (len(compress(whole)) - len(compress(first)))
        bits[f"{name}, differences"] = 8.0 * len(compress(differences_of(grids)))
    return bits


class Packer:
    """The edit coder in one of its uses, from episode to episode; what it packs is unpacked again, and compared."""

    def __init__(self, keeps_counts: bool, knows_bodies: bool) -> None:
        self._keeps_counts, self._knows_bodies = keeps_counts, knows_bodies
        self._written, self._read = Counts(), Counts()
        self.pack_seconds, self.unpack_seconds = 0.0, 0.0

    def bits(self, episode: Episode) -> float:
        """Those of the bytes of an episode."""
        if not self._keeps_counts:
            self._written, self._read = Counts(), Counts()
        bodies = episode.bodies if self._knows_bodies else None
        started = time.process_time()
        data = pack(episode.grids, bodies, self._written)
        packed = time.process_time()
        grids = unpack(episode.grids[0], data, bodies, self._read)
        self.pack_seconds += packed - started
        self.unpack_seconds += time.process_time() - packed
        if not all(map(np.array_equal, grids, episode.grids)) or len(grids) != len(episode.grids):
            raise AssertionError("the bytes of an episode do not lead to its grids")
        return 8.0 * len(data)


def measure(episodes: list[Episode], num_colours: int) -> dict[str, object]:
    """All that one table says; bits by name of the way."""
    totals: dict[str, float] = {}
    samples: dict[str, list[float]] = {}  # of what the medians are
    num_ticks, num_tokens, longer_than_raw, longer_than_general = 0, 0, 0, 0
    seconds = 0.0
    packers = {"edits, adaptive": Packer(False, False), "edits, learned": Packer(True, False)}
    if episodes[0].bodies is not None:
        packers |= {"edits, adaptive, bodies": Packer(False, True), "edits, learned, bodies": Packer(True, True)}
    kinds = ["edits", *packers]
    longer: dict[str, dict[str, int]] = {rival: dict.fromkeys(kinds, 0) for rival in _RIVALS}
    # compiled, if need be, before any clock runs
    pack(episodes[0].grids)

    def count(name: str, bits: float, ticks: int) -> None:
        totals[name] = totals.get(name, 0.0) + bits
        samples.setdefault(name, []).append(bits / ticks)

    for episode in episodes:
        grids = episode.grids
        of_episode = dict.fromkeys(kinds, 0.0)
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
            of_episode["edits"] += edits
            longer_than_raw += edits > samples["raw"][-1]
            num_tokens += len(tokens)
        ticks = len(grids) - 1
        num_ticks += ticks
        for name, packer in packers.items():
            of_episode[name] = packer.bits(episode)
            count(name, of_episode[name], ticks)
        general = general_bits(grids)
        for name, bits in general.items():
            count(name, bits, ticks)
        longer_than_general += of_episode["edits"] > min(general.values())
        rivals = (
            sum(samples["raw"][-ticks:]),
            min(general.values()),
            min(bits for name, bits in general.items() if "differences" in name),
        )
        for (rival, bits), name in itertools.product(zip(_RIVALS, rivals, strict=True), kinds):
            longer[rival][name] += of_episode[name] > bits
        if episode.bits_of_acts is not None:
            count("acts", episode.bits_of_acts, ticks)
    all_differences = b"".join(differences_of(episode.grids) for episode in episodes)
    bits_of_all = 8.0 * len(lzma.compress(all_differences, format=lzma.FORMAT_RAW, filters=_LZMA_OF_ALL))
    count(_OF_ALL, bits_of_all, num_ticks)
    order = [*PER_TICK, *general, _OF_ALL, *kinds, *(["acts"] if "acts" in totals else [])]
    shortest = min(totals[f"{name}, differences"] for name in GENERAL)
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
        "times_fewer_than_best_general_on_differences": {name: round(shortest / totals[name], 3) for name in kinds},
        "times_fewer_than_general_on_all_differences": {
            name: round(totals[_OF_ALL] / totals[name], 3) for name in kinds
        },
        **{
            f"share_of_episodes_longer_than_{rival}": {
                name: round(count / len(episodes), 4) for name, count in longer[rival].items()
            }
            for rival in _RIVALS
        },
        "mean_tokens": round(num_tokens / num_ticks, 2),
        "edits_per_second": round(num_ticks / seconds),
        "packed_per_second": round(len(packers) * num_ticks / sum(p.pack_seconds for p in packers.values())),
        "unpacked_per_second": round(len(packers) * num_ticks / sum(p.unpack_seconds for p in packers.values())),
    }


def table_of(name: str, result: dict) -> str:
    """The lines that people read."""
    lines = [f"{name}: {result['episodes']} episodes, {result['ticks']} ticks"]
    lines.append(f"{'':32} {'total kbit':>12} {'mean bits':>11} {'median bits':>12} {'x edits':>9}")
    for way, bits in result["ways"].items():
        lines.append(
            f"{way:32} {bits['total_kbit']:12.1f} {bits['mean_bits']:11.1f} {bits['median_bits']:12.1f}"
            f" {bits['times_edits']:9.2f}"
        )
    lines.append(
        f"edits are longer than raw in {result['share_longer_than_raw']:.1%} of ticks, than the best general "
        f"compressor in {result['share_longer_than_best_general']:.1%} of episodes; "
        f"{result['mean_tokens']} tokens a tick; {result['edits_per_second']:,} a second"
    )
    lines.append(
        f"{'':32} {'times shorter than differences':>32}   {'share of episodes longer than':>32}\n"
        f"{'':32} {'of each episode':>16} {'of all':>15}   {'raw':>10} {'general':>10} {'differences':>12}"
    )
    for way, times in result["times_fewer_than_best_general_on_differences"].items():
        shares = [result[f"share_of_episodes_longer_than_{rival}"][way] for rival in _RIVALS]
        lines.append(
            f"{way:32} {times:16.2f} {result['times_fewer_than_general_on_all_differences'][way]:15.2f}   "
            f"{shares[0]:10.1%} {shares[1]:10.1%} {shares[2]:12.1%}"
        )
    lines.append(
        f"{result['packed_per_second']:,} ticks packed and {result['unpacked_per_second']:,} unpacked a second"
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
