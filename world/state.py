"""The state of many box worlds in play: an arena of bodies under laws, and what is wanted in it of whom.

A structure of arrays whose first axis is the world. The bodies, their laws and all that happens to them are the
engine's (`world.engine`); here is what a scenario adds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from world.codes import Role
from world.engine import Arena, Body, build, law_book, tick


@dataclass
class Worlds:
    """B worlds of H x W cells with up to K - 2 bodies and A agents each.

    The arena may have more agents than A: those beyond are moved by the scenario and sense nothing.
    """

    arena: Arena
    floor: np.ndarray  # (B, H, W) uint8: the colour that shows where nothing lies, 0 for none
    role: np.ndarray  # (B, A) int8: see Role
    goal: np.ndarray  # (B, G) int16: the private attribute values, known to guides only
    is_over: np.ndarray  # (B,) bool: decided, or out of steps
    is_won: np.ndarray  # (B,) bool
    last_action: np.ndarray  # (B, A) int8
    last_moved: np.ndarray  # (B, A) bool: whether the agent's body moved in the last step
    steps_taken: np.ndarray  # (B,) int16
    num_done: np.ndarray  # (B,) int16: what has been achieved so far, where a scenario counts something
    choices: np.ndarray  # (B, C, G) int16: what the builders may answer, the goal among it; C is 0 for anything

    def __len__(self) -> int:
        return len(self.arena)

    @property
    def num_agents(self) -> int:
        return self.role.shape[1]

    @property
    def owner(self) -> np.ndarray:
        """The body in each cell, (B, H, W) uint8; 0 is empty, 1 the walls. A view of the arena."""
        return self.arena.inside(self.arena.owner)

    @property
    def look(self) -> np.ndarray:
        """The look of each cell, (B, H, W) uint8, without the floor. A view of the arena."""
        return self.arena.inside(self.arena.look)

    @property
    def colour(self) -> np.ndarray:
        """The colour of each body, (B, K) uint8; entry 0 is emptiness. The arena's."""
        return self.arena.colour

    @property
    def anchored(self) -> np.ndarray:
        """Bodies that nothing moves, (B, K) bool."""
        return self.arena.flags & Body.ANCHORED > 0

    @property
    def agent_body(self) -> np.ndarray:
        """The body of each agent, (B, A) uint8; 0 for one that stands outside the grid, or was eaten."""
        return self.arena.agent_body[:, : self.num_agents]

    @property
    def position_rc(self) -> np.ndarray:
        """Row and column of each agent, (B, A, 2) int16, -1 outside."""
        return self.arena.position_rc[:, : self.num_agents]

    def copy(self) -> Worlds:
        return Worlds(**{field.name: getattr(self, field.name).copy() for field in fields(self)})

    def take(self, indices: np.ndarray) -> Worlds:
        """The chosen worlds, copied."""
        chosen = np.arange(len(self))[indices]  # a slice too, and yet nothing is shared
        rest = {field.name: getattr(self, field.name)[chosen] for field in fields(self)[1:]}
        return Worlds(arena=self.arena.take(chosen), **rest)

    def put(self, indices: np.ndarray, others: Worlds) -> None:
        """Let other worlds take the places of the chosen ones."""
        self.arena.put(indices, others.arena)
        for field in fields(self)[1:]:
            getattr(self, field.name)[indices] = getattr(others, field.name)

    @staticmethod
    def concatenate(parts: list[Worlds]) -> Worlds:
        """All worlds of the parts, in order."""
        names = [field.name for field in fields(Worlds)[1:]]
        rest = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        return Worlds(arena=Arena.concatenate([part.arena for part in parts]), **rest)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that these worlds are, by name, not copied."""
        every = vars(self.arena) | {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        return {name: value for name, value in every.items() if isinstance(value, np.ndarray)}


def worlds_of(arena: Arena, num_agents: int, num_attributes: int) -> Worlds:
    """Worlds at their start around an arena: everybody is a builder, goals are all 0, the floor is bare."""
    num_worlds = len(arena)
    shape_a = (num_worlds, num_agents)
    return Worlds(
        arena=arena,
        floor=np.zeros((num_worlds, arena.height_cells, arena.width_cells), np.uint8),
        role=np.full(shape_a, Role.BUILDER, np.int8),
        goal=np.zeros((num_worlds, num_attributes), np.int16),
        is_over=np.zeros(num_worlds, bool),
        is_won=np.zeros(num_worlds, bool),
        last_action=np.zeros(shape_a, np.int8),
        last_moved=np.zeros(shape_a, bool),
        steps_taken=np.zeros(num_worlds, np.int16),
        num_done=np.zeros(num_worlds, np.int16),
        choices=np.zeros((num_worlds, 0, num_attributes), np.int16),
    )


def build_worlds(
    grid: np.ndarray,
    colour: np.ndarray,
    agent_body: np.ndarray,
    *,
    laws: np.ndarray | None = None,
    flags: np.ndarray | None = None,
    num_attributes: int = 1,
    margin_cells: int = 3,
) -> Worlds:
    """Worlds from the body in each cell, as `world.engine.build`; all agents are the agents of the worlds."""
    laws = law_book() if laws is None else laws
    arena = build(grid, colour, laws, flags=flags, agent_body=agent_body, margin_cells=margin_cells)
    return worlds_of(arena, arena.agent_body.shape[1], num_attributes)


def move(worlds: Worlds, actions: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """Let all agents act under the laws of their worlds, for one tick; worlds that are over stand still.

    `actions` (B, A) are `Act` values, and so are those of the `others` (B, the arena's agents - A) that the scenario
    moves, who otherwise stay. Returns the direction in which each body was pushed, (B, K) uint8, 0 for none.
    ValueError for actions that are none.
    """
    num_worlds, num_agents = worlds.role.shape
    actions = np.asarray(actions)
    if actions.shape != worlds.role.shape:
        raise ValueError(f"actions must have shape {worlds.role.shape}, got {actions.shape}")
    acts = np.zeros((num_worlds, worlds.arena.agent_body.shape[1]), actions.dtype)
    acts[:, :num_agents] = actions
    if others is not None:
        acts[:, num_agents:] = others
    before = worlds.arena.agent_cell[:, :num_agents].copy()
    tick(worlds.arena, acts, stands_still=worlds.is_over)
    worlds.last_moved[:] = (worlds.arena.agent_cell[:, :num_agents] != before) & (worlds.agent_body > 0)
    worlds.last_action[:] = np.where(worlds.is_over[:, None], 0, actions)
    return worlds.arena.moved
