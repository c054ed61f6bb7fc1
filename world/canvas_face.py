"""A task of edits as Gymnasium's Env and VectorEnv: make the grid before into the grid after, zoom by zoom.

A world is a pair of grids, of which the first lies on a canvas (`world.canvas`). The agent edits it, sees the crop that
it has selected and a coarse view of the whole, and submits. Only then is it judged, by the whole grid: 1 if every cell
and the size are those of the grid after, otherwise 0. That a part is right is told in `info`, and never paid for.

Letters: h x w cells in view, r x c coarse cells.

An *act* is six whole numbers, `MultiDiscrete`, int64: an operation of `world.canvas.Act`, or SUBMIT, and its arguments.
An argument counts from the lowest value of its kind, because Stable-Baselines3 knows no other numbers: 0 is a height of
1, 29 a shift by no row (`numbers_of` makes such acts). A number that its kind does not have makes an act that cannot be
done, and so is a step in which nothing happens; what the operation does not need is not read.

An *observation* is a dictionary:

    view          Box (h, w) uint8      the crop from its upper left corner, look codes; OUTSIDE beyond it
    whole         Box (r, c) uint8      the whole grid, coarsely: `Canvas.coarse`
    sides         MultiDiscrete (2,)    height and width of the whole grid
    selected      MultiDiscrete (4,)    row, column, height and width of what is selected
    was_done      Discrete(2)           whether the last act could be done; 1 before the first

and, unless `shows_target` is False, the same of the grid after; what of the selection lies beyond it is OUTSIDE:

    target_view, target_whole, target_sides

A submitted world terminates; one whose steps are up is truncated and pays nothing. `info` has `is_success` (bool),
`is_selection_right` (bool: what is selected is as in the grid after, and the size is right) and `world_number` (int).
Pictures (`render_mode="rgb_array"`) show the canvas with what is selected, and beside it the target if it is shown.

Options of both faces:

    pairs           a function from a world number to the grids before and after, or a list of such pairs, of which
                    world n is pair n modulo their number. By default `world.pairs.LawPairs()`;
                    `world.pairs.pairs_of(split)` keeps some laws out of training
    shows_target    True (default): to copy what is seen. False: the agent has to find out, or to know
    num_steps       acts before a world is truncated, 100 by default
    view_cells      (h, w), by default (10, 10)
    coarse_cells    (r, c), by default (10, 10)
    world_stride    as in `world.faces`
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from world.canvas import ACT_ARGUMENTS, ACT_LENGTH, ACT_REACH, Act, Canvas
from world.checks import whole_number
from world.codec import checked_grid
from world.codes import NUM_LOOKS
from world.edit_rules import MAX_SIDE_CELLS, NUM_COLOURS
from world.faces import (  # where gymnasium is missing, that module tells how to get it
    BoxEnv,
    BoxVectorEnv,
    NumberedWorlds,
    Observation,
    gymnasium,
    spaces,
)
from world.pairs import LawPairs
from world.render import PALETTE, SEAM

Pair = tuple[np.ndarray, np.ndarray]
SUBMIT = len(Act)
_CELL_PIXELS = 12
_NOT_READ = np.iinfo(np.int64).max


def _number_tables() -> tuple[np.ndarray, np.ndarray]:
    """Of each operation, SUBMIT included, the lowest value and how many values its arguments have, (16, 6) each."""
    lowest, num_values = np.zeros((2, len(Act) + 1, ACT_LENGTH), np.int64)
    num_values[:] = _NOT_READ
    for act, kinds in ACT_ARGUMENTS.items():
        for k in range(1, 1 + len(kinds)):
            lowest[act, k] = ACT_REACH[act, k, 0]
            num_values[act, k] = ACT_REACH[act, k, 1] - ACT_REACH[act, k, 0] + 1
    return lowest, num_values


_LOWEST, _NUM_VALUES = _number_tables()
_IS_READ = _NUM_VALUES != _NOT_READ
_ACT_SIZES = np.where(_IS_READ, _NUM_VALUES, 1).max(axis=0)
_ACT_SIZES[0] = len(Act) + 1


def numbers_of(acts: np.ndarray) -> np.ndarray:
    """Acts of this face (..., 6) int64 from acts of a canvas; SUBMIT may be among them.

    >>> from world.canvas import act_of
    >>> numbers_of(act_of(Act.MOVE, 1, 0, -2)).tolist()
    [5, 0, 29, 27, 0, 0]
    """
    acts = np.asarray(acts, np.int64)
    operations = acts[..., 0]
    numbers = np.where(_IS_READ[operations], acts - _LOWEST[operations], 0)
    numbers[..., 0] = operations
    return numbers


class CanvasStage(NumberedWorlds):
    """B pairs of grids, and the canvas on which the first of each becomes the second, or not."""

    def __init__(
        self,
        pairs: Callable[[int], Pair] | Sequence[Pair] | None,
        num_worlds: int,
        *,
        shows_target: bool = True,
        num_steps: int = 100,
        view_cells: tuple[int, int] = (10, 10),
        coarse_cells: tuple[int, int] = (10, 10),
        world_stride: int = 1,
    ) -> None:
        super().__init__(num_worlds, world_stride, _ACT_SIZES)
        self.pair = _as_function(LawPairs() if pairs is None else pairs)
        if not isinstance(shows_target, bool):
            raise ValueError(f"shows_target must be True or False, got {shows_target!r}")
        self.shows_target = shows_target
        self.num_steps = whole_number("num_steps", num_steps, 1)
        self.view_cells = _checked_sides("view_cells", view_cells)
        self.coarse_cells = _checked_sides("coarse_cells", coarse_cells)
        self.canvas, self.target = Canvas([]), Canvas([])
        self.steps_taken = np.zeros(0, np.int64)  # (B,)
        self.is_submitted, self.is_won, self.was_done = np.zeros((3, 0), bool)  # (B,) each

    @property
    def stage(self) -> NumberedWorlds:
        return self

    @property
    def is_over(self) -> np.ndarray:
        return self.is_submitted | (self.steps_taken >= self.num_steps)

    def observation_space(self) -> spaces.Dict:
        sides = np.full(2, MAX_SIDE_CELLS + 1)
        parts: dict[str, spaces.Space] = {
            "view": spaces.Box(0, NUM_LOOKS - 1, self.view_cells, np.uint8),
            "whole": spaces.Box(0, NUM_COLOURS - 1, self.coarse_cells, np.uint8),
            "sides": spaces.MultiDiscrete(sides),
            "selected": spaces.MultiDiscrete(np.repeat([MAX_SIDE_CELLS, MAX_SIDE_CELLS + 1], 2)),
            "was_done": spaces.Discrete(2),
        }
        if self.shows_target:
            parts["target_view"] = spaces.Box(0, NUM_LOOKS - 1, self.view_cells, np.uint8)
            parts["target_whole"] = spaces.Box(0, NUM_COLOURS - 1, self.coarse_cells, np.uint8)
            parts["target_sides"] = spaces.MultiDiscrete(sides)
        return spaces.Dict(parts)

    def make(self, numbers: np.ndarray, places: np.ndarray | None) -> None:
        pairs = [_checked_pair(self.pair(number), f"pair {number}") for number in numbers.tolist()]
        before, after = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        if places is None:
            self.canvas, self.target = Canvas(before), Canvas(after)
            self.steps_taken = np.zeros(len(pairs), np.int64)
            self.is_submitted, self.is_won = np.zeros((2, len(pairs)), bool)
            self.was_done = np.ones(len(pairs), bool)
        else:
            self.canvas.put(places, before)
            self.target.put(places, after)
            self.steps_taken[places] = 0
            self.is_submitted[places] = self.is_won[places] = False
            self.was_done[places] = True

    def observe(self) -> Observation:
        canvas, target = self.canvas, self.target
        observation: Observation = {
            "view": canvas.view(*self.view_cells),
            "whole": canvas.coarse(*self.coarse_cells)[0],
            "sides": canvas.sides.copy(),
            "selected": canvas.selected.copy(),
            "was_done": self.was_done.astype(np.int64),
        }
        if self.shows_target:
            observation["target_view"] = target.view(*self.view_cells, canvas.selected)
            observation["target_whole"] = target.coarse(*self.coarse_cells)[0]
            observation["target_sides"] = target.sides.copy()
        return observation

    def step(self, acts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        goes_on = ~self.is_over
        operations = acts[:, 0]
        is_act = (acts < _NUM_VALUES[operations])[:, 1:].all(axis=1)
        submits = (operations == SUBMIT) & goes_on
        plain = acts + _LOWEST[operations]
        plain[~is_act | ~goes_on | (operations == SUBMIT), 0] = Act.STAY
        is_done = self.canvas.act(plain) & is_act
        self.was_done = np.where(goes_on, is_done, self.was_done)
        self.steps_taken += goes_on
        self.is_submitted |= submits
        wins = submits & self.canvas.equals(self.target)
        self.is_won |= wins
        return wins.astype(np.float64), submits, goes_on & ~submits & (self.steps_taken >= self.num_steps)

    def infos(self) -> dict[str, np.ndarray]:
        return {
            "is_success": self.is_won.copy(),
            "is_selection_right": self.canvas.matches(self.target),
            "world_number": self.numbers.copy(),
        }

    def draw(self, b: int) -> np.ndarray:
        parts = [_picture(self.canvas.grid(b), self.canvas.selected[b])]
        if self.shows_target:
            parts.append(_picture(self.target.grid(b), None))
        return np.concatenate(parts, axis=1)


def _as_function(pairs: Callable[[int], Pair] | Sequence[Pair]) -> Callable[[int], Pair]:
    if callable(pairs):
        return pairs
    if not isinstance(pairs, Sequence) or not len(pairs):
        raise ValueError(f"pairs must be a function, or a list of one or more pairs, got {pairs!r}")
    checked = [_checked_pair(pair, f"pairs[{n}]") for n, pair in enumerate(pairs)]
    return lambda number: checked[number % len(checked)]


def _checked_pair(pair: Pair, name: str) -> Pair:
    """The grids before and after, copied; ValueError if they are none."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{name} must be a pair of grids, got {pair!r}")
    before, after = (checked_grid(grid, f"{name}[{n}]").copy() for n, grid in enumerate(pair))
    return before, after


def _checked_sides(name: str, sides: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(sides, tuple | list) or len(sides) != 2:
        raise ValueError(f"{name} must be two sides, got {sides!r}")
    return whole_number(name, sides[0], 1), whole_number(name, sides[1], 1)


def _picture(grid: np.ndarray, selected: np.ndarray | None) -> np.ndarray:
    """A grid on an area with room for the largest one, (361, 361, 3) uint8, and a frame about what is selected."""
    side_pixels = MAX_SIDE_CELLS * _CELL_PIXELS + 1
    image = np.full((side_pixels, side_pixels, 3), SEAM, np.uint8)
    inside = image[: grid.shape[0] * _CELL_PIXELS, : grid.shape[1] * _CELL_PIXELS]
    inside[:] = PALETTE[grid].repeat(_CELL_PIXELS, axis=0).repeat(_CELL_PIXELS, axis=1)
    inside[::_CELL_PIXELS] = inside[:, ::_CELL_PIXELS] = SEAM
    if selected is not None:
        top, left = selected[:2] * _CELL_PIXELS
        bottom, right = (selected[:2] + selected[2:]) * _CELL_PIXELS
        image[[top, bottom], left : right + 1] = image[top : bottom + 1, [left, right]] = PALETTE[-1]
    return image


def canvas_env(
    pairs: Callable[[int], Pair] | Sequence[Pair] | None = None, *, render_mode: str | None = None, **options: Any
) -> BoxEnv:
    """One pair of grids at a time as a gymnasium.Env; `options` and all else are in the module's docstring.

    `reset(seed=n)` begins world number n, and without a seed the next one.
    """
    return BoxEnv(CanvasStage(pairs, 1, **options), render_mode)


def canvas_vector_env(
    pairs: Callable[[int], Pair] | Sequence[Pair] | None = None,
    num_envs: int = 1,
    *,
    render_mode: str | None = None,
    **options: Any,
) -> BoxVectorEnv:
    """`num_envs` pairs as a gymnasium.vector.VectorEnv, stepped together as arrays.

    As `world.gym_vector_env`, environment b is `canvas_env` with `world_stride=num_envs` after `reset(seed=seed + b)`,
    and after the last step of a world comes one in which the next begins.
    """
    options.setdefault("world_stride", num_envs)
    return BoxVectorEnv(CanvasStage(pairs, num_envs, **options), render_mode)


ENV_ID = "boxlings/Canvas-v0"
if ENV_ID not in gymnasium.registry:  # a module may be imported twice, as by importlib.reload
    gymnasium.register(
        ENV_ID,
        entry_point="world.canvas_face:canvas_env",
        vector_entry_point="world.canvas_face:canvas_vector_env",
    )
