"""The state of many box worlds at once, as a structure of arrays whose first axis is the world.

Colours are those of ARC (Chollet 2019, https://arxiv.org/abs/1911.01547): 0 is empty, 1 to 9 are colours. One look is
added: `BOXLING_COLOUR`, because a scenario may use all nine colours for its boxes and walls.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

EMPTY = 0
WALL_BODY = 1  # body 1 of every world is its walls, which nothing moves
WALL_COLOUR = 5
BOXLING_COLOUR = 10
MAX_BODIES = 63  # sets of bodies are bit masks in the physics


class Action(IntEnum):
    """What an agent does with its body in one step."""

    STAY = 0
    UP = 1
    DOWN = 2
    LEFT = 3
    RIGHT = 4


NUM_ACTIONS = len(Action)
STEP_RC = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]], dtype=np.int64)  # row and column change, by Action
DIRECTIONS = ("up", "down", "left", "right")  # Action value minus one


class Role(IntEnum):
    """A guide knows the goal; a builder acts."""

    GUIDE = 0
    BUILDER = 1


@dataclass
class Worlds:
    """B worlds of H x W cells with up to K - 1 bodies and A agents each; changed in place by the physics only."""

    owner: np.ndarray  # (B, H, W) int16: body id in each cell, 0 is empty, 1 the walls
    colour: np.ndarray  # (B, K) int8: colour of each body; entry 0 unused
    anchored: np.ndarray  # (B, K) bool: bodies that nothing moves
    agent_body: np.ndarray  # (B, A) int16: the body of each agent; 0 stands outside the grid
    position_rc: np.ndarray  # (B, A, 2) int16: row and column of each agent's body, -1 outside
    role: np.ndarray  # (B, A) int8: see Role
    goal: np.ndarray  # (B, G) int16: the private attribute values, known to guides only
    is_over: np.ndarray  # (B,) bool: decided, or out of steps
    is_won: np.ndarray  # (B,) bool
    last_action: np.ndarray  # (B, A) int8
    last_moved: np.ndarray  # (B, A) bool: whether the agent's body moved in the last step
    steps_taken: np.ndarray  # (B,) int16

    def __len__(self) -> int:
        return len(self.owner)

    def copy(self) -> Worlds:
        return Worlds(**{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def take(self, indices: np.ndarray) -> Worlds:
        """The chosen worlds, copied."""
        return Worlds(**{field.name: getattr(self, field.name)[indices] for field in fields(self)})

    def put(self, indices: np.ndarray, others: Worlds) -> None:
        """Let other worlds take the places of the chosen ones."""
        for field in fields(self):
            getattr(self, field.name)[indices] = getattr(others, field.name)

    @staticmethod
    def concatenate(parts: list[Worlds]) -> Worlds:
        """All worlds of the parts, in order."""
        return Worlds(
            **{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Worlds)}
        )


def empty_worlds(
    num_worlds: int, height_cells: int, width_cells: int, num_bodies: int, num_agents: int, num_attributes: int
) -> Worlds:
    """Worlds without anything in them; `num_bodies` does not count the walls."""
    if num_bodies + 2 > MAX_BODIES:
        raise ValueError(f"a world has at most {MAX_BODIES - 2} bodies besides its walls, got {num_bodies}")
    shape_k = (num_worlds, num_bodies + 2)
    shape_a = (num_worlds, num_agents)
    worlds = Worlds(
        owner=np.zeros((num_worlds, height_cells, width_cells), np.int16),
        colour=np.zeros(shape_k, np.int8),
        anchored=np.zeros(shape_k, bool),
        agent_body=np.zeros(shape_a, np.int16),
        position_rc=np.full((*shape_a, 2), -1, np.int16),
        role=np.full(shape_a, Role.BUILDER, np.int8),
        goal=np.zeros((num_worlds, num_attributes), np.int16),
        is_over=np.zeros(num_worlds, bool),
        is_won=np.zeros(num_worlds, bool),
        last_action=np.zeros(shape_a, np.int8),
        last_moved=np.zeros(shape_a, bool),
        steps_taken=np.zeros(num_worlds, np.int16),
    )
    worlds.colour[:, WALL_BODY] = WALL_COLOUR
    worlds.anchored[:, WALL_BODY] = True
    return worlds


def check_worlds(worlds: Worlds) -> None:
    """Refuse worlds whose arrays contradict each other; ValueError names the first fault and where it is."""
    num_worlds, height, width = worlds.owner.shape
    num_bodies = worlds.colour.shape[1]
    num_agents = worlds.agent_body.shape[1]
    expected = {
        "colour": (num_worlds, num_bodies),
        "anchored": (num_worlds, num_bodies),
        "agent_body": (num_worlds, num_agents),
        "position_rc": (num_worlds, num_agents, 2),
        "role": (num_worlds, num_agents),
        "is_over": (num_worlds,),
        "is_won": (num_worlds,),
        "last_action": (num_worlds, num_agents),
        "last_moved": (num_worlds, num_agents),
        "steps_taken": (num_worlds,),
    }
    for name, shape in expected.items():
        if getattr(worlds, name).shape != shape:
            raise ValueError(f"worlds.{name} must have shape {shape}, got {getattr(worlds, name).shape}")
    if num_bodies > MAX_BODIES + 1:
        raise ValueError(f"a world has at most {MAX_BODIES} bodies, got {num_bodies - 1}")
    for name, low, high in (("owner", 0, num_bodies - 1), ("colour", 0, 10), ("agent_body", 0, num_bodies - 1)):
        values = getattr(worlds, name)
        bad = np.argwhere((values < low) | (values > high))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise ValueError(f"worlds.{name}{list(where)} must be in [{low}, {high}], got {values[where]}")
    rows, cols = worlds.position_rc[..., 0], worlds.position_rc[..., 1]
    inside = worlds.agent_body > 0
    bad = np.argwhere(inside & ((rows < 0) | (rows >= height) | (cols < 0) | (cols >= width)))
    if len(bad):
        b, a = (int(i) for i in bad[0])
        raise ValueError(f"agent {a} of world {b} stands at {worlds.position_rc[b, a].tolist()}, outside the grid")
    b_index = np.arange(num_worlds)[:, None]
    under = worlds.owner[b_index, np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)]
    bad = np.argwhere(inside & (under != worlds.agent_body))
    if len(bad):
        b, a = (int(i) for i in bad[0])
        at = worlds.position_rc[b, a].tolist()
        raise ValueError(f"agent {a} of world {b} says it is at {at}, where body {under[b, a]} lies instead")
