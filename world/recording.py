"""What is kept of a world while it is lived in: a scene at the start, then the edits of each step.

A scene is what people see of a world: colours, which cells are of one body, and marks on the floor. A step is told by
the code of `world.codec`, in which bodies are named by their own numbers, and by the bodies of those cells where it
does not follow from the code whose they are: a cell that was coloured belongs to somebody, and the code does not say
to whom. So a recording is a start and a stream of edits, and loses nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from world import codec
from world.codec import GridEdit, Operation
from world.codes import COLOUR_NAMES, WALL_BODY
from world.edit_rules import MAX_ORGANISMS
from world.state import Worlds

# of these the body in a cell follows: what moves takes its number along, what is given takes that of whom it joins
_EDITS_OF_BODIES = frozenset((Operation.GIVE, Operation.DEL, Operation.MOVE, Operation.TURN, Operation.COPY))


@dataclass(frozen=True)
class Scene:
    """One world as it is seen, (H, W) uint8 each."""

    look: np.ndarray  # colours, 0 where nothing lies
    body: np.ndarray  # the body in each cell: 0 empty, 1 the walls
    floor: np.ndarray  # the colour that shows where nothing lies, 0 for none

    def __eq__(self, other: object) -> bool:
        """Whether everything is the same in every cell."""
        if not isinstance(other, Scene):
            return NotImplemented
        pairs = ((self.look, other.look), (self.body, other.body), (self.floor, other.floor))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)

    __hash__ = None  # type: ignore[assignment]

    @property
    def seen(self) -> np.ndarray:
        """The colour of each cell, floor included."""
        return np.where(self.look > 0, self.look, self.floor)


def scene_of(worlds: Worlds, b: int) -> Scene:
    """World b as a scene, copied."""
    return Scene(worlds.look[b].copy(), worlds.owner[b].copy(), worlds.floor[b].copy())


def start_columns(start: Worlds, b: int) -> dict[str, Any]:
    """World b at its start, by the names under which it is recorded; `Scene` and all that its future hangs on."""
    scene = scene_of(start, b)
    height, width = scene.look.shape
    return {
        "height": height,
        "width": width,
        "start_owner": scene.body.ravel(),
        "floor": scene.floor.ravel(),
        "colour": start.colour[b],
        "flags": start.arena.flags[b],
        "laws": start.arena.laws[b],
        "agent_body": start.agent_body[b],
        "role": start.role[b],
        "goal": start.goal[b],
    }


def record(before: Scene, after: Scene) -> tuple[np.ndarray, np.ndarray]:
    """What changed: the tokens of `world.codec` (N,) int16, and where that does not tell it (M, 2) int16 cell and body.

    A cell is its row times the width plus its column. ValueError if the scenes are not of one size.
    """
    if before.look.shape != after.look.shape:
        raise ValueError(f"edits need two scenes of one size, got {before.look.shape} and {after.look.shape}")
    tokens = codec.encode(before.look, after.look, _nameable(before.body))
    carried = _carried(before, tokens, after.look)
    cells = np.flatnonzero(carried != after.body)
    return tokens, np.stack([cells, after.body.ravel()[cells]], axis=1).astype(np.int16)


def replay(before: Scene, tokens: np.ndarray, bodies: np.ndarray) -> Scene:
    """The scene that was recorded; the inverse of `record`. ValueError for what leads nowhere from here."""
    look = codec.decode(before.look, tokens, _nameable(before.body))
    if look.shape != before.look.shape:
        raise ValueError(f"the edits of a step must keep the size {before.look.shape}, got {look.shape}")
    bodies = np.asarray(bodies, np.int64).reshape(-1, 2)
    wrong = np.flatnonzero((bodies < 0).any(axis=1) | (bodies[:, 0] >= look.size) | (bodies[:, 1] > 255))
    if len(wrong):
        cell, body = bodies[wrong[0]]
        raise ValueError(f"bodies must be of cells below {look.size} and numbers below 256, got {body} in cell {cell}")
    carried = _carried(before, tokens, look)
    carried.ravel()[bodies[:, 0]] = bodies[:, 1]
    return Scene(look, carried, before.floor)


def _nameable(body: np.ndarray) -> np.ndarray:
    """Body numbers that a code can name; 0 for the others."""
    return np.where(body > MAX_ORGANISMS, 0, body)


def _carried(before: Scene, tokens: np.ndarray, look: np.ndarray) -> np.ndarray:
    """The body in each cell as far as it follows from the code; 0 where nothing lies."""
    edits = [edit for edit in _until_selection(codec.parse(tokens)) if edit.operation in _EDITS_OF_BODIES]
    body = before.body
    if edits:
        body = codec.decode_values(before.body, codec.join(edits), _nameable(before.body))
    return np.where(look > 0, body, 0).astype(np.uint8)


def _until_selection(edits: list[GridEdit]) -> list[GridEdit]:
    """The edits before the first selection, and none of a window: there, numbers and places are others."""
    operations = [edit.operation for edit in edits]
    if operations[0] in (Operation.CROP, Operation.SIZE):
        return []
    return edits[: operations.index(Operation.SEL)] if Operation.SEL in operations else edits


def changes_in_words(before: Scene, after: Scene, agent_bodies: Collection[int] = ()) -> list[str]:
    """One readable line for each body that changed, but for the moves of those of agents, which go without saying.

    Body by body, not token by token: a code may speak of windows and patterns, which is short, and says little to
    people.
    """
    lines = []
    for body in np.union1d(before.body, after.body).tolist():
        if body == 0:
            continue
        old, new = np.argwhere(before.body == body), np.argwhere(after.body == body)
        seen_in, cells = (before, old) if len(old) else (after, new)
        look = int(seen_in.look[tuple(cells[0])])
        name = "the walls" if body == WALL_BODY else _name(look)
        if not len(new) or not len(old):
            does = "appear" if len(new) else "vanish"
            ending = "" if body == WALL_BODY else "s" if len(new) else "es"
            lines.append(f"{name} {does}{ending}")
            continue
        if len(old) != len(new):
            lines.append(f"{name} {'grows' if len(new) > len(old) else 'shrinks'} to {len(new)} cells")
            continue
        moved = new - old  # cells in the order of rows, so that those of a shifted shape go by pairs
        if (moved != moved[0]).any():
            lines.append(f"{name} changes its shape")
        elif moved[0].any() and body not in agent_bodies:
            ways = [(-moved[0][0], "up"), (moved[0][0], "down"), (-moved[0][1], "left"), (moved[0][1], "right")]
            lines.append(f"{name} moves " + " and ".join(f"{steps} {way}" for steps, way in ways if steps > 0))
        became = int(after.look[tuple(new[0])])
        if became != look:
            lines.append(f"{name} turns {COLOUR_NAMES[became]}")
    return lines


def _name(colour: int) -> str:
    name = COLOUR_NAMES[colour]
    return name if name == "boxling" else f"{name} box"
