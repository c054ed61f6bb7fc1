"""How fast the world engine is: ticks, agent-steps with views and new worlds, generation, memory.

    python benchmarks/world.py --json

Medians of several repetitions, CPU seconds of one core unless it says otherwise; the machine should be idle. `--json`
prints one object with, per second:

- `ticks_16x16_full`: ticks of 16 x 16 worlds with 8 bodies, one of which is an agent's that acts at random, under push
  chains, gravity and eating (the eaten join the eater, worlds begin anew every 100 ticks);
- `agent_steps_16x16`, `agent_steps_16x16_gravity`: agent-steps of 4 agents a world beside 8 bodies, 7 x 7 views written
  and worlds replaced every 100 steps, under pushes alone and with gravity;
- `worlds_generated_16x16`: random worlds with 8 bodies and 4 agents;

and `scaling_2_cores` (agent-steps in wall time with two threads, divided by those with one, in batches of 8,192 worlds:
256 are stepped before a second thread has woken up), `bytes_per_world_8x8` (4 bodies, 2 agents),
`bytes_per_world_16x16` (8 bodies, 4 agents), `first_step_seconds` (of a new process with compiled kernels on disk,
imports included), and `nanoseconds_per_tick`: by side and number of agents (at most 54 beside 8 bodies, since a world
has 62), with views.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from world.engine import Act, Eating, law_book
from world.scatter import Scatter, empty_scatter, scatter
from world.stream import Stream

PUSHES = law_book()
GRAVITY = law_book(gravity=Act.DOWN)
FULL = law_book(gravity=Act.DOWN, eating=Eating.JOIN)
NUM_ACTIONS = 5  # to stay, and four ways to go
FIRST_STEP = (
    "import numpy as np; from world.engine import law_book; from world.scatter import Scatter;"
    "from world.stream import Stream; Stream(64, Scatter(), law_book()).step(np.ones((64, 4), int))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--worlds", type=int, default=256, help="in a batch; more of them leave the cache")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    times, worlds = arguments.repetitions, arguments.worlds
    room = Scatter()
    arena = scatter(np.arange(worlds), room, PUSHES)
    results: dict[str, object] = {
        "ticks_16x16_full": ticks_per_second(Scatter(num_bodies=7, num_agents=1), FULL, worlds, times),
        "agent_steps_16x16": 4 * ticks_per_second(room, PUSHES, worlds, times),
        "agent_steps_16x16_gravity": 4 * ticks_per_second(room, GRAVITY, worlds, times),
        "worlds_generated_16x16": worlds / seconds(lambda: scatter(np.arange(worlds), room, PUSHES, arena), times),
        "scaling_2_cores": scaling(room, 8192, times),
        "bytes_per_world_8x8": empty_scatter(1, Scatter(8, 8, 4, num_agents=2), PUSHES).bytes_per_world,
        "bytes_per_world_16x16": arena.bytes_per_world,
        "first_step_seconds": median(first_step_seconds() for _ in range(3)),
        "nanoseconds_per_tick": {
            f"{side}x{side}, {agents} agents": 1e9
            / ticks_per_second(
                Scatter(side, side, num_bodies=min(8, side), num_agents=agents, num_wall_cells=side // 2),
                GRAVITY,
                max(worlds // max(1, agents // 4), 64),
                max(times // 3, 1),
            )
            for side in (8, 16, 24, 30)
            for agents in (1, 4, 16, 54)
        },
    }
    if arguments.json:
        print(json.dumps(results))
        return
    for name, value in results.items():
        rows = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in rows:
            print(f"{name + ' ' + part:<45} {number:>14,.2f}")


def seconds(work: Callable[[], object], times: int, clock: Callable[[], float] = time.process_time) -> float:
    """Median time of some work, after once for compiling."""
    work()
    taken = []
    for _ in range(times):
        started = clock()
        work()
        taken.append(clock() - started)
    return median(taken)


def ticks_per_second(
    what: Scatter,
    laws: np.ndarray,
    worlds: int,
    times: int,
    num_threads: int = 1,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Ticks of all worlds in a second, random acts, views and new worlds included."""
    stream = Stream(worlds, what, laws, num_threads=num_threads)
    acts = np.random.default_rng(0).integers(0, NUM_ACTIONS, (50, worlds, what.num_agents)).astype(np.int8)

    def work() -> None:
        for act in acts:
            stream.step(act)

    return len(acts) * worlds / seconds(work, times, clock)


def scaling(what: Scatter, worlds: int, times: int) -> float:
    """How many times as fast two threads are, by the clock on the wall: median of pairs."""
    ratios = []
    for _ in range(times):
        one, two = (ticks_per_second(what, PUSHES, worlds, 1, n, time.perf_counter) for n in (1, 2))
        ratios.append(two / one)
    return median(ratios)


def first_step_seconds() -> float:
    """From the start of a new process to the end of its first step."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_STEP], check=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
