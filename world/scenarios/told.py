"""What scenarios share in which a blind guide is told a goal, a colour and a direction or side, and others act."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from world.chance import below
from world.codes import BOXLING_COLOUR, NUM_LOOKS, Role
from world.compiling import njit
from world.engine import build
from world.scenarios.base import Observation, Scenario
from world.sense import egocentric_view
from world.splits import SPLITS
from world.state import Worlds, worlds_of

COLOURS = ("blue", "red", "green", "yellow", "pink", "orange", "sky", "maroon")
ARC_COLOURS = np.array([1, 2, 3, 4, 6, 7, 8, 9], np.uint8)  # 5, grey, is the walls


@njit(cache=True)
def draw_colours(state, order, wanted, num_drawn):
    """Different colours, the wanted one among them, in any order, into order[:num_drawn]; `order` (8,) is scratch."""
    for i in range(len(order)):
        order[i] = i
    order[0], order[wanted] = wanted, 0
    for i in range(1, num_drawn):
        j = i + below(state, len(order) - i)
        order[i], order[j] = order[j], order[i]
    place = below(state, num_drawn)
    order[0], order[place] = order[place], order[0]


@dataclass
class Draft:
    """Arrays of B worlds, to be filled by a kernel."""

    grid: np.ndarray  # (B, H, W) uint8: the body in each cell
    colour: np.ndarray  # (B, K) uint8: boxlings have theirs already
    agent_body: np.ndarray  # (B, A + others) uint8: others are moved by the scenario
    role: np.ndarray  # (B, A) int8: builders
    goal: np.ndarray  # (B, G) int16


class ToldScenario(Scenario):
    """A guide that is told everything and sees nothing, and builders that see what is around them."""

    num_looks = NUM_LOOKS
    is_decided_by_answers = False
    guide_sees = False
    splits = SPLITS
    view_radius_cells: int

    @property
    def view_shape(self) -> tuple[int, int]:  # type: ignore[override]
        side = 2 * self.view_radius_cells + 1
        return side, side

    def is_held_out(self, meanings: np.ndarray) -> np.ndarray:
        # one direction of each colour, two colours of each direction
        return meanings[:, 0] % 4 == meanings[:, 1]

    def draft(self, num_worlds: int, side_cells: int, first_agent: int, num_others: int = 0) -> Draft:
        """Empty rooms; bodies from `first_agent` on are the agents'."""
        colour = np.zeros((num_worlds, first_agent + self.num_agents), np.uint8)
        colour[:, first_agent:] = BOXLING_COLOUR
        return Draft(
            grid=np.zeros((num_worlds, side_cells, side_cells), np.uint8),
            colour=colour,
            agent_body=np.zeros((num_worlds, self.num_agents + num_others), np.uint8),
            role=np.full((num_worlds, self.num_agents), Role.BUILDER, np.int8),
            goal=np.zeros((num_worlds, self.num_attributes), np.int16),
        )

    def finished(self, draft: Draft, laws: np.ndarray, flags: np.ndarray | None = None) -> Worlds:
        """The worlds of a filled draft, at their start."""
        arena = build(
            draft.grid, draft.colour, laws, flags=flags, agent_body=draft.agent_body,
            margin_cells=self.view_radius_cells,
        )  # fmt: skip
        worlds = worlds_of(arena, self.num_agents, self.num_attributes)
        worlds.role, worlds.goal = draft.role, draft.goal
        return worlds

    def observe(self, worlds: Worlds) -> Observation:
        is_guide = worlds.role == Role.GUIDE
        return Observation(view=egocentric_view(worlds, self.view_radius_cells), sees=~is_guide, knows=is_guide)
