"""Worlds alone: make some, act in them, keep what changed as edits, draw them.

    python examples/tutorial_worlds.py [FOLDER]

docs/tutorials/worlds.md walks through it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from world import scenarios

# --8<-- [start:make]
GUIDE = scenarios.get("guide")


def make() -> None:
    """World number 7 is the same world for ever, whatever else is made beside it."""
    alone = GUIDE.generate(np.array([7]), "train")
    among_others = GUIDE.generate(np.arange(1000), "train")
    assert (alone.look[0] == among_others.look[7]).all()
    print(f"1,000 worlds; the goal of number 7 is {GUIDE.meaning_in_words(alone.goal[0])}")


# --8<-- [end:make]


# --8<-- [start:act]
def act() -> float:
    """Everybody follows the simulator's own search, and nobody has to talk."""
    worlds = GUIDE.generate(np.arange(500), "train")
    while not worlds.is_over.all():
        advice = GUIDE.plan(worlds).astype(int)  # bits: which acts are on a shortest way
        first = np.where(advice > 0, np.log2(np.maximum(advice & -advice, 1)), 0)
        GUIDE.advance(worlds, first.astype(np.int8), None)
    print(f"{worlds.is_won.mean():.0%} of the worlds are solved by who knows the goal and the way")
    return float(worlds.is_won.mean())


# --8<-- [end:act]


# --8<-- [start:edits]
def edit() -> None:
    """A step as edits: few tokens, from which the next state follows exactly."""
    from world.recording import changes_in_words, record, replay, scene_of

    worlds = GUIDE.generate(np.array([7]), "train")
    before = scene_of(worlds, 0)
    GUIDE.advance(worlds, np.full(worlds.role.shape, 1, np.int8), None)  # all go up
    after = scene_of(worlds, 0)
    tokens, bodies = record(before, after)
    assert replay(before, tokens, bodies) == after
    print(f"{len(tokens)} tokens: {'; '.join(changes_in_words(before, after))}")


# --8<-- [end:edits]


# --8<-- [start:draw]
def draw(path: Path) -> None:
    """A picture of three worlds."""
    from world.render import picture

    worlds = GUIDE.generate(np.array([7, 8, 9]), "train")
    pictures = [np.pad(picture(worlds, b, 24), ((8, 8), (8, 8), (0, 0)), constant_values=255) for b in range(3)]
    Image.fromarray(np.concatenate(pictures, axis=1)).save(path)
    print(path)


# --8<-- [end:draw]


def main(folder: Path) -> None:
    make()
    assert act() > 0.95
    edit()
    folder.mkdir(parents=True, exist_ok=True)
    draw(folder / "worlds.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp()))
