"""How fast our worlds are beside the fast worlds of the field, on one core.

    pip install -e .[peers]                         all peers but PufferLib, which is built from its sources
    python benchmarks/peers.py --pufferlib FOLDER   of PufferLib 3.0: a checkout, or its archive from PyPI unpacked
    python benchmarks/peers.py --only mesa --json

Agent-steps per CPU second. Each repetition measures a peer and then ours, for the same number of agents in a world and
the same side of the square that they see: medians of both, and the median of the ratios of such pairs, which says more
than either where the machine has other work. All acts are drawn before, evenly from all that a peer allows and, for
ours, to stay and four ways to go. Ours push under the full rules among 8 bodies and 8 cells of wall, see, and are
replaced after 100 steps (`world.stream.Stream`). Peers step by the fastest way they offer: compiled loops without a
call from Python for each step (PufferLib), a scan of a vmap (JAX), the fastest of a few batches (JAX, VMAS). Where
worlds end, they begin anew within what is measured. A peer that is not installed is left out, with a line that says how
to get it.

    rware         PufferLib: 8 agents see 3 x 3 of a warehouse of 10 x 20, which never ends; 128 worlds
    snake         PufferLib: 256 snakes in 640 x 360 see 11 x 11, and begin anew when they die; 4 worlds. As a world of
                  ours has no room for 256 agents, ours are 32 worlds of 64 x 64 with 32 agents
    grid          PufferLib: 1 agent sees 11 x 11 of a maze, one of 8,192 of up to 47 x 47; 1,024 worlds
    trash_pickup  PufferLib: 8 agents see 11 x 11 (in 5 layers) of 20 x 20, for 500 steps; 128 worlds
    jaxmarl       storm_2p: 2 agents see 5 x 5 of 8 x 8
    vmas          transport: 4 agents push a package in continuous space, for 100 steps; they see no cells, ours 7 x 7
    xland         MiniGrid-Empty-16x16 of XLand-MiniGrid, its fastest: 1 agent sees 7 x 7
    griddly       Foragers: 4 agents see 5 x 5 of 10 x 9, in one world
    mesa          4 agents on 16 x 16 step to neighbouring cells if these are empty, in one world; they see nothing,
                  ours 7 x 7. The model is ours, of Mesa's cells
    minigrid      MiniGrid-Empty-16x16: 1 agent sees 7 x 7, in one world

The worlds of PufferLib have the settings of pufferlib/config/ocean for one process. Ours are as large as theirs where
that is one size of at most 64 x 64 cells, else 16 x 16; as many as PufferLib's, and 256 beside the others.

`--json` prints one object with, for each peer measured, `agents`, `view` (its side in cells), `theirs`, `ours`,
`ratio`, `goal` (the ratio wanted) and `is_met`; and `skipped`: why, for each of the others.
"""

# ruff: noqa: E402 - paths come before what they are for

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

# this folder has a world.py too, which is not meant
sys.path = [folder for folder in sys.path if not folder.endswith("benchmarks")]

from world.engine import law_book
from world.scatter import Scatter
from world.stream import Stream

NUM_ACTIONS = 5  # of ours: to stay, and four ways to go
NUM_STEPS = 50  # of one call of what is measured
WORK_SECONDS = 0.3  # of each of the two in a pair, at least
BATCHES = (256, 1024, 4096)  # of worlds, for peers that are fastest with many

Work = Callable[[], int]  # steps worlds, and returns how many agent-steps it was


class MissingError(Exception):
    """A peer that is not here, and how to get it."""


@dataclass(frozen=True)
class Peer:
    """A world of others, and what of ours stands beside it."""

    prepare: Callable[[Path | None], Work]
    agents: int
    view: int  # side of the square that an agent sees, in cells
    rows: int = 16
    columns: int = 16
    worlds: int = 256
    goal: float = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--only", choices=PEERS, action="append", metavar="NAME", help="may be given several times")
    parser.add_argument("--pufferlib", type=Path, metavar="FOLDER", help="sources of PufferLib 3.0")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    stay_on_one_core()
    results: dict[str, dict[str, Any]] = {}
    skipped: dict[str, str] = {}
    for name in arguments.only or PEERS:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # some greet when they are imported
                results[name] = compare(PEERS[name], arguments.pufferlib, arguments.repetitions)
        except MissingError as reason:
            skipped[name] = str(reason)
    if arguments.json:
        print(json.dumps(results | {"skipped": skipped}))
        return
    row = "{:<14}{:>7}{:>9}{:>14}{:>14}{:>9}{:>7}  {}"
    print(row.format("", "agents", "view", "theirs", "ours", "ratio", "goal", "met?"))
    for name, found in results.items():
        numbers = (f"{found['theirs']:,.0f}", f"{found['ours']:,.0f}", f"{found['ratio']:,.2f}", f"{found['goal']:.1f}")
        view = f"{found['view']} x {found['view']}"
        print(row.format(name, found["agents"], view, *numbers, "yes" if found["is_met"] else "no"))
    for name, why in skipped.items():
        print(f"{name:<14} skipped: {why}")


def stay_on_one_core() -> None:
    """One core and one thread for this process and all libraries in it; before any of them is imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.environ["JAX_PLATFORMS"] = "cpu"
    warnings.filterwarnings("ignore")  # of others, about others


def compare(peer: Peer, pufferlib: Path | None, repetitions: int) -> dict[str, Any]:
    """Theirs and ours in pairs."""
    theirs, ours = peer.prepare(pufferlib), our_work(peer)
    pairs = [(rate(theirs), rate(ours)) for _ in range(repetitions)]
    ratio = median(ours / theirs for theirs, ours in pairs)
    return {
        "agents": peer.agents,
        "view": peer.view,
        "theirs": median(theirs for theirs, _ in pairs),
        "ours": median(ours for _, ours in pairs),
        "ratio": ratio,
        "goal": peer.goal,
        "is_met": ratio >= peer.goal,
    }


def rate(work: Work, at_least_seconds: float = WORK_SECONDS) -> float:
    """Agent-steps per CPU second."""
    total = 0
    started = time.process_time()
    while (taken := time.process_time() - started) < at_least_seconds:
        total += work()
    return total / taken


def fastest(works: Sequence[Work]) -> Work:
    return max(works, key=lambda work: rate(work, WORK_SECONDS / 3))


def drawn(num_acts: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, num_acts, shape)


def our_work(peer: Peer) -> Work:
    radius = peer.view // 2
    what = Scatter(peer.rows, peer.columns, num_agents=peer.agents, margin_cells=max(radius, 1))
    return stream_work(Stream(peer.worlds, what, law_book(), view_radius_cells=radius))


def stream_work(stream: Stream) -> Work:
    acts = drawn(NUM_ACTIONS, NUM_STEPS, *stream.arena.agent_body.shape).astype(np.int8)

    def work() -> int:
        for act in acts:
            stream.step(act)
        return acts.size

    while stream.numbers[0] == 0:  # until worlds have been replaced, once
        work()
    return work


# ---- PufferLib ----


def puffer(name: str, num_worlds: int) -> Callable[[Path | None], Work]:
    """One of its worlds written in C, built into a library of our driver, peers.c."""

    def prepare(folder: Path | None) -> Work:
        if folder is None:
            raise MissingError("give a folder with the sources of PufferLib 3.0: --pufferlib FOLDER")
        ocean = folder / "pufferlib" / "ocean"
        if not (ocean / name).is_dir():
            raise MissingError(f"{ocean} should have a folder {name}")
        with tempfile.TemporaryDirectory() as build:
            (Path(build) / "raylib.h").touch()  # nothing is drawn
            library_file = Path(build) / f"{name}.so"
            command = ["gcc", "-O3", "-march=native", "-fno-semantic-interposition", "-shared", "-fPIC"]
            command += [f"-D{name.upper()}", f"-I{ocean}", f"-I{build}", "-o", str(library_file)]
            try:
                subprocess.run([*command, str(Path(__file__).with_name("peers.c")), "-lm"], check=True)
            except FileNotFoundError:
                raise MissingError("needs gcc") from None
            library = ctypes.CDLL(str(library_file))
        library.begin.restype = ctypes.c_void_p
        num_agents = library.num_agents()
        num_bytes = num_worlds * num_agents * library.view_bytes()
        views = (ctypes.c_uint8 * num_bytes).from_address(library.begin(num_worlds))
        acts = drawn(library.num_acts(), NUM_STEPS, num_worlds, num_agents).astype(np.int8)

        def work() -> int:
            library.run(acts.ctypes.data_as(ctypes.c_void_p), NUM_STEPS)
            return acts.size

        before = np.array(views)
        work()
        if np.array_equal(before, views):
            raise ValueError(f"agents of {name} should see something new after {NUM_STEPS} steps")
        return work

    return prepare


# ---- others, in Python ----


def jaxmarl(_: Path | None) -> Work:
    try:
        import jax
        import jaxmarl
    except ImportError:
        raise MissingError("pip install jaxmarl") from None
    env = jaxmarl.make("storm_2p")

    def begin(key: Any) -> Any:
        views, state = env.reset(key)
        return key, state, views

    def step(world: Any, act: Any) -> Any:
        key, now = jax.random.split(world[0])
        views, state, *_ = env.step(now, world[1], act)
        return key, state, views

    return fastest([scan(begin, step, drawn(5, NUM_STEPS, worlds, 2)) for worlds in BATCHES])


def xland(_: Path | None) -> Work:
    try:
        import xminigrid
        from xminigrid.wrappers import GymAutoResetWrapper
    except ImportError:
        raise MissingError("pip install xminigrid") from None
    plain, settings = xminigrid.make("MiniGrid-Empty-16x16")
    env = GymAutoResetWrapper(plain)

    def begin(key: Any) -> Any:
        return env.reset(settings, key)

    def step(world: Any, act: Any) -> Any:
        return env.step(settings, world, act)

    return fastest([scan(begin, step, drawn(env.num_actions(settings), NUM_STEPS, worlds)) for worlds in BATCHES])


def scan(begin: Callable[[Any], Any], step: Callable[[Any, Any], Any], acts: np.ndarray) -> Work:
    """Worlds of JAX that step together, compiled; what they see is a part of what `begin` and `step` return."""
    import jax

    run = jax.jit(lambda worlds, acts: jax.lax.scan(lambda now, act: (jax.vmap(step)(now, act), None), worlds, acts)[0])
    worlds = jax.jit(jax.vmap(begin))(jax.random.split(jax.random.key(0), acts.shape[1]))
    acts_there = jax.numpy.asarray(acts)

    def work() -> int:
        nonlocal worlds
        worlds = jax.block_until_ready(run(worlds, acts_there))
        return acts.size

    work()
    return work


def vmas(_: Path | None) -> Work:
    try:
        import torch
        from vmas import make_env
    except ImportError:
        raise MissingError("pip install vmas") from None
    torch.set_num_threads(1)
    max_steps, num_agents = 100, 4

    def batch(num_worlds: int) -> Work:
        env = make_env("transport", num_worlds, "cpu", False, max_steps=max_steps, seed=0, n_agents=num_agents)
        acts = [list(torch.as_tensor(act)) for act in drawn(5, NUM_STEPS, num_agents, num_worlds)]

        def work() -> int:
            for act in acts:
                done = env.step(act)[2]
                if done.all():  # a few come to their goal before, by chance, and go on there
                    env.reset()
            return NUM_STEPS * num_agents * num_worlds

        return work

    return fastest([batch(num_worlds) for num_worlds in BATCHES])


def griddly(_: Path | None) -> Work:
    try:
        from griddly import gd
        from griddly.GymWrapper import GymWrapper
    except ImportError:
        raise MissingError("pip install griddly") from None
    env = GymWrapper(
        "Multi-Agent/foragers.yaml",
        player_observer_type=gd.ObserverType.VECTOR,
        global_observer_type=gd.ObserverType.NONE,
    )
    env.reset()
    acts = [[list(act) for act in step] for step in np.stack([drawn(2, 2000, 4), drawn(5, 2000, 4)], axis=-1).tolist()]

    def work() -> int:
        for act in acts:
            is_done = env.step(act)[2]
            if is_done:
                env.reset()
        return 4 * len(acts)

    return work


def mesa(_: Path | None) -> Work:
    try:
        from mesa import Model
        from mesa.discrete_space import CellAgent, OrthogonalVonNeumannGrid
    except ImportError:
        raise MissingError("pip install 'mesa>=3.1,<4'") from None
    num_agents = 4
    model = Model(seed=0)
    grid = OrthogonalVonNeumannGrid((16, 16), torus=False, random=model.random)
    walkers = [CellAgent(model) for _ in range(num_agents)]
    for walker, row in zip(walkers, range(0, 16, 4), strict=True):
        walker.cell = grid[row, row]
    ways = [None, (-1, 0), (1, 0), (0, -1), (0, 1)]
    acts = [[ways[act] for act in step] for step in drawn(len(ways), 2000, num_agents).tolist()]

    def work() -> int:
        for step in acts:
            for walker, way in zip(walkers, step, strict=True):
                to = walker.cell.connections.get(way)
                if to is not None and to.is_empty:
                    walker.cell = to
        return num_agents * len(acts)

    return work


def minigrid(_: Path | None) -> Work:
    try:
        import gymnasium

        env = gymnasium.make("minigrid:MiniGrid-Empty-16x16-v0").unwrapped
    except ImportError:
        raise MissingError("pip install minigrid") from None
    env.reset(seed=0)
    acts = drawn(7, 1000).tolist()

    def work() -> int:
        for act in acts:
            _, _, terminated, truncated, _ = env.step(act)
            if terminated or truncated:
                env.reset()
        return len(acts)

    return work


PEERS = {
    "rware": Peer(puffer("rware", 128), 8, 3, 10, 20, worlds=128, goal=1.2),
    "snake": Peer(puffer("snake", 4), 32, 11, 64, 64, worlds=32),
    "grid": Peer(puffer("grid", 1024), 1, 11, worlds=1024),
    "trash_pickup": Peer(puffer("trash_pickup", 128), 8, 11, 20, 20, worlds=128),
    "jaxmarl": Peer(jaxmarl, 2, 5, 8, 8),
    "vmas": Peer(vmas, 4, 7),
    "xland": Peer(xland, 1, 7),
    "griddly": Peer(griddly, 4, 5, 10, 9),
    "mesa": Peer(mesa, 4, 7),
    "minigrid": Peer(minigrid, 1, 7),
}

if __name__ == "__main__":
    main()
