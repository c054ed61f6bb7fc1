"""Static laws: what a law makes of a colour grid at once, without time.

Colour grids are those of ARC (Chollet 2019, https://arxiv.org/abs/1911.01547): (H, W) uint8, 1 to 30 cells a side,
0 is empty, 1 to 9 are colours. The laws are families that occur often in the training tasks of ARC, written as rules of
a world: each is a pure function of the grid, decided on the whole grid and never in reading order. A turned grid under
the turned law gives the turned result, and so for renamed colours. Where that leaves two answers, or none, the law does
not apply, and says why.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from world.codes import COLOUR_NAMES
from world.compiling import njit
from world.law_parameters import (
    AXIS,
    BARS,
    COLOUR,
    CONNECTIVITY,
    CORNER,
    DIRECTION,
    DIRECTIONS,
    FLAG,
    GAP,
    MIRRORS,
    NUM_COLOURS,
    STRAIGHT_DIRECTION,
    SYMMETRY,
    TIMES,
    WHICH,
    WORDS_OF_CONNECTIVITY,
    WORDS_OF_CORNER,
    WORDS_OF_HALF,
    WORDS_OF_MIRRORS,
    WORDS_OF_SIDE,
    WORDS_OF_SYMMETRY,
    Kind,
    Value,
    joined_words,
    key_of,
    listed,
    number_of,
    object_words,
)
from world.objects import (
    NEIGHBOUR_STEPS,
    Objects,
    enclosed_cells,
    find_objects,
    have_same_shape,
    label,
    select,
)
from world.registry import Registry
from world.symmetry import STEPS, SYMMETRIES, inverse, swaps_axes, transform, turn_direction

MAX_SIDE_CELLS = 30
_DISAGREE = 255  # copies want different colours in this cell
Function = Callable[..., np.ndarray]


class LawDoesNotApply(ValueError):  # noqa: N818 (it is an answer, not a mistake)
    """The law has no meaning on this grid; the message is one sentence that says why."""


def check_grid(grid: np.ndarray) -> None:
    """Refuse what is not a colour grid; ValueError says what was expected and what came."""
    if not isinstance(grid, np.ndarray) or grid.dtype != np.uint8:
        raise ValueError(f"a grid must be an array of uint8, got {getattr(grid, 'dtype', type(grid).__name__)}")
    if grid.ndim != 2 or not 1 <= min(grid.shape) <= max(grid.shape) <= MAX_SIDE_CELLS:
        raise ValueError(f"a grid must have two sides of 1 to {MAX_SIDE_CELLS} cells, got shape {grid.shape}")
    if grid.max() >= NUM_COLOURS:
        raise ValueError(f"a grid must have colours in [0, {NUM_COLOURS - 1}], got {grid.max()}")


# ---------------------------------------------------------------- the law book


@dataclass(frozen=True, eq=False)
class LawForm:
    """One kind of law, with its parameters open."""

    parameters: dict[str, Kind]
    may_change_size: bool
    domain: str  # on which grids it applies, besides that the result has at most 30 cells a side
    function: Function  # grid and parameters to the result
    sentence: Callable[..., str]  # parameters to what the law does

    @property
    def name(self) -> str:
        return self.function.__name__


STATIC_LAWS: dict[str, LawForm] = {}  # those of this project


def _accept(thing: Any, where: str) -> LawForm:
    if not isinstance(thing, LawForm):
        raise ValueError(f"{where} must be a world.statics.LawForm, got {type(thing).__name__}")
    return thing


REGISTRY: Registry[LawForm] = Registry("boxlings.laws", "law", lambda: STATIC_LAWS, _accept)


def register(form: LawForm) -> LawForm:
    """Add a law of your own to the book for this process, under the name of its function; returns it.

    It can be set, applied, described, turned and recoloured then, and asked for in `world.pairs.LawPairs`; what is
    drawn from the book at large, and what is held out, stays as it is. ValueError as of `Registry.register`.
    `world.testing.check_law` holds it to what all laws keep to.
    """
    REGISTRY.register(form)
    _known_values.cache_clear()  # of one that had its name
    return form


def _law(
    sentence: Callable[..., str], domain: str = "every grid", may_change_size: bool = False, **kinds: Kind
) -> Callable[[Function], Function]:
    """Enter the function into the law book under its own name."""

    def enter(function: Function) -> Function:
        STATIC_LAWS[function.__name__] = LawForm(kinds, may_change_size, domain, function, sentence)
        return function

    return enter


@dataclass(frozen=True)
class StaticLaw:
    """A law of the book with its parameters set; ValueError for a law or a value that the book does not have."""

    name: str
    values: tuple[Value, ...]  # in the order of STATIC_LAWS[name].parameters

    def __post_init__(self) -> None:
        kinds = _form(self.name).parameters
        if len(self.values) != len(kinds):
            raise ValueError(f"{self.name} has {len(kinds)} parameters ({', '.join(kinds)}), got {len(self.values)}")
        exact = []
        for value, (parameter, table) in zip(self.values, _known_values(self.name).items(), strict=True):
            key = key_of(value)
            if key not in table:
                raise ValueError(f"{parameter} of {self.name} must be one of {', '.join(table)}, got {key}")
            exact.append(table[key])
        object.__setattr__(self, "values", tuple(exact))

    @staticmethod
    def of(name: str, /, **parameters: Value) -> StaticLaw:
        """The law with its parameters by name.

        >>> law = StaticLaw.of("turn", symmetry="turn_right")
        >>> law.apply(np.array([[1, 2]], np.uint8)).tolist()
        [[1], [2]]
        >>> law.describe()
        'Turn the grid a quarter turn to the right.'
        """
        kinds = _form(name).parameters
        if parameters.keys() != kinds.keys():
            got = ", ".join(parameters) or "none"
            raise ValueError(f"{name} has the parameters {', '.join(kinds) or 'none'}, got {got}")
        return StaticLaw(name, tuple(parameters[parameter] for parameter in kinds))

    @staticmethod
    def from_json(plain: dict[str, Value]) -> StaticLaw:
        """The law from what `to_json` gave, through JSON or not; ValueError for anything else."""
        if not isinstance(plain, dict) or "law" not in plain:
            raise ValueError(f"a law must be an object with the key law, got {key_of(plain)}")
        return StaticLaw.of(plain["law"], **{parameter: plain[parameter] for parameter in plain if parameter != "law"})

    @property
    def parameters(self) -> dict[str, Value]:
        """The parameters by name."""
        return dict(zip(_form(self.name).parameters, self.values, strict=True))

    def to_json(self) -> dict[str, Value]:
        """Plain values that JSON can hold: the name of the law as `law`, then the parameters by name."""
        return {"law": self.name} | json.loads(json.dumps(self.parameters))

    def apply(self, grid: np.ndarray) -> np.ndarray:
        """What the law makes of a colour grid (H, W) uint8: a new grid, perhaps of another size.

        ValueError if it is not a colour grid (1 to 30 cells a side, colours 0 to 9); LawDoesNotApply if the law has no
        meaning on this grid, or if the result would have more than 30 cells a side. The grid is left as it is.
        """
        check_grid(grid)
        # a copy in one layout that can be written: the kernels are compiled once, and no result shares the input
        result = _form(self.name).function(grid.copy(order="C"), *self.values)
        height, width = result.shape
        if max(height, width) > MAX_SIDE_CELLS:
            raise LawDoesNotApply(
                f"{self.name} can make at most {MAX_SIDE_CELLS} x {MAX_SIDE_CELLS} cells, here {height} x {width}"
            )
        return np.ascontiguousarray(result, np.uint8)

    def describe(self) -> str:
        """What the law does, in one sentence; laws that differ have different sentences."""
        return _form(self.name).sentence(*self.values)

    def turned(self, symmetry: str) -> StaticLaw:
        """The law of the turned world: on the turned grid it gives the turned result."""
        if symmetry not in SYMMETRIES:
            raise ValueError(f"a symmetry must be one of {', '.join(SYMMETRIES)}, got {symmetry!r}")
        kinds = _form(self.name).parameters.values()
        values = tuple(kind.turn(value, symmetry) for kind, value in zip(kinds, self.values, strict=True))
        return StaticLaw(self.name, values)

    def recoloured(self, permutation: Sequence[int] | np.ndarray) -> StaticLaw:
        """The law under new names of colours: colour c becomes permutation[c]; 0 stays empty."""
        new = [int(colour) for colour in permutation]
        if new[:1] != [0] or sorted(new) != list(range(NUM_COLOURS)):
            raise ValueError(f"a renaming must hold each of 0 to {NUM_COLOURS - 1} once, 0 first, got {new}")
        kinds = _form(self.name).parameters.values()
        values = tuple(kind.recolour(value, new) for kind, value in zip(kinds, self.values, strict=True))
        return StaticLaw(self.name, values)


def draw_law(rng: np.random.Generator, name: str | None = None) -> StaticLaw:
    """A random law of the book, or of the one kind; each parameter is drawn by itself."""
    if name is None:
        name = list(STATIC_LAWS)[rng.integers(len(STATIC_LAWS))]
    return StaticLaw(name, tuple(kind.draw(rng) for kind in _form(name).parameters.values()))


def _form(name: str) -> LawForm:
    if isinstance(name, str) and name in STATIC_LAWS:
        return STATIC_LAWS[name]
    if not isinstance(name, str) or name not in REGISTRY.names():
        broken = [sentence for sentence in REGISTRY.broken() if f"{name!r}" in sentence]
        raise ValueError(broken[0] if broken else f"a law must be one of {', '.join(REGISTRY.names())}, got {name!r}")
    return REGISTRY.get(name)


@cache
def _known_values(name: str) -> dict[str, dict[str, Value]]:
    """The values of each parameter by their keys."""
    kinds = _form(name).parameters
    return {parameter: {key_of(value): value for value in kind.values} for parameter, kind in kinds.items()}


# ---------------------------------------------------------------- the whole grid


@_law(lambda symmetry: WORDS_OF_SYMMETRY[symmetry], may_change_size=True, symmetry=SYMMETRY)
def turn(grid: np.ndarray, symmetry: str) -> np.ndarray:
    """Turn or mirror the grid."""
    return transform(grid, symmetry)


@_law(
    lambda times: f"Repeat the grid as tiles, {times[0]} down and {times[1]} across.",
    may_change_size=True,
    times=TIMES,
)
def tile(grid: np.ndarray, times: tuple[int, int]) -> np.ndarray:
    """Copies of the grid, side by side."""
    return np.tile(grid, times)


@_law(
    lambda times, original: (
        f"Repeat the grid as tiles, {times[0]} down and {times[1]} across, each the mirror image of its neighbours, "
        f"with the grid as it was in the {WORDS_OF_CORNER[original]} corner."
    ),
    may_change_size=True,
    times=TIMES,
    original=CORNER,
)
def tile_mirrored(grid: np.ndarray, times: tuple[int, int], original: str) -> np.ndarray:
    """Tiles that mirror each other, like in a kaleidoscope; one corner has the grid as it was."""
    order = []
    for num_cells, num_tiles, step in zip(grid.shape, times, STEPS[original], strict=True):
        forth = np.arange(num_cells)
        tiles = [forth[::-1] if k % 2 else forth for k in range(num_tiles)]
        order.append(np.concatenate(tiles[::-1] if step > 0 else tiles))
    return grid[np.ix_(*order)]


@_law(
    lambda times: f"Make every cell a block of {number_of(times[0], 'row')} by {number_of(times[1], 'column')}.",
    may_change_size=True,
    times=TIMES,
)
def scale(grid: np.ndarray, times: tuple[int, int]) -> np.ndarray:
    """Enlarge every cell."""
    return grid.repeat(times[0], axis=0).repeat(times[1], axis=1)


@_law(
    lambda mirrors, about: (
        f"Complete {'the grid' if about == 'grid' else 'the smallest box around everything filled'} to "
        f"{WORDS_OF_MIRRORS[mirrors]}: an empty cell takes the colour of its filled images, "
        "but stays empty where these differ in colour."
    ),
    domain="with about = box: a filled cell; with a symmetry that swaps the axes: a square grid or box",
    mirrors=MIRRORS,
    about=Kind((("grid", "box"),)),
)
def complete_symmetry(grid: np.ndarray, mirrors: tuple[str, ...], about: str) -> np.ndarray:
    """Fill empty cells from their images about the middle of the grid, or of the box around all that is filled."""
    result = grid.copy()
    part = result if about == "grid" else result[_box_of(np.argwhere(grid), "complete_symmetry")]
    if any(swaps_axes(symmetry) for symmetry in mirrors) and part.shape[0] != part.shape[1]:
        height, width = part.shape
        raise LawDoesNotApply(
            f"complete_symmetry needs a square for {WORDS_OF_MIRRORS[mirrors]}, here {height} x {width}"
        )
    images = np.array([transform(part, symmetry) for symmetry in mirrors])
    highest = images.max(axis=0)
    lowest = (images - 1).min(axis=0) + 1  # of the filled ones: 0 becomes 255 while the minimum is taken
    part[:] = np.where((part == 0) & (lowest == highest), highest, part)
    return result


def _box_of(cells_rc: np.ndarray, name: str) -> tuple[slice, slice]:
    """The smallest box around cells (N, 2)."""
    if not len(cells_rc):
        raise LawDoesNotApply(f"{name} needs a filled cell, this grid has none")
    (top, left), (bottom, right) = cells_rc.min(axis=0).tolist(), cells_rc.max(axis=0).tolist()
    return slice(top, bottom + 1), slice(left, right + 1)


@cache
def _symmetry_that_turns(direction: str, to: str) -> str:
    """A symmetry after which `direction` points `to`; of the two, either will do where this is used."""
    return next(symmetry for symmetry in SYMMETRIES if turn_direction(direction, symmetry) == to)


def _halves(grid: np.ndarray, first: str, has_separator: bool, name: str) -> tuple[np.ndarray, np.ndarray, str]:
    """The half at `first` and the other one, turned so that the first was left; and how to turn the result back."""
    symmetry = _symmetry_that_turns(first, "left")
    turned = transform(grid, symmetry)
    width = turned.shape[1]
    half = width // 2
    if width % 2 != has_separator or not half:
        form = "two equal halves and a line between them" if has_separator else "two equal halves"
        raise LawDoesNotApply(f"{name} needs {form}, this side has {number_of(width, 'cell')}")
    if has_separator and (turned[0, half] == 0 or (turned[:, half] != turned[0, half]).any()):
        raise LawDoesNotApply(f"{name} needs a middle line filled with one colour")
    return turned[:, :half], turned[:, width - half :], inverse(symmetry)


_WORDS_OF_OPERATION = {"and": "in both halves", "or": "in at least one half", "xor": "in exactly one half"}
_OPERATIONS = {"and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}
_DOMAIN_OF_HALVES = "an even side, or with a separator an odd side from 3 on whose middle line has one filled colour"


def _divided(has_separator: bool) -> str:
    return "on either side of the middle line" if has_separator else "that meet in the middle"


@_law(
    lambda operation, halves, has_separator, colour: (
        f"Lay the {'left and right' if halves == 'left_right' else 'upper and lower'} halves "
        f"{_divided(has_separator)} over each other, give the colour {COLOUR_NAMES[colour]} to the cells filled "
        f"{_WORDS_OF_OPERATION[operation]}, and leave all others empty."
    ),
    domain=_DOMAIN_OF_HALVES,
    may_change_size=True,
    operation=Kind((tuple(_OPERATIONS),)),
    halves=AXIS,
    has_separator=FLAG,
    colour=COLOUR,
)
def combine_halves(grid: np.ndarray, operation: str, halves: str, has_separator: bool, colour: int) -> np.ndarray:
    """One half of the size: a cell has the colour if the operation holds for its being filled in both halves."""
    first = "left" if halves == "left_right" else "up"
    one, other, back = _halves(grid, first, has_separator, "combine_halves")
    return transform(_OPERATIONS[operation](one, other) * np.uint8(colour), back)


@_law(
    lambda first, has_separator: (
        f"Of the two halves {_divided(has_separator)}, lay the {WORDS_OF_HALF[first]} over the other one, "
        "which shows where the first is empty."
    ),
    domain=_DOMAIN_OF_HALVES,
    may_change_size=True,
    first=STRAIGHT_DIRECTION,
    has_separator=FLAG,
)
def lay_over(grid: np.ndarray, first: str, has_separator: bool) -> np.ndarray:
    """One half laid over the other."""
    one, other, back = _halves(grid, first, has_separator, "lay_over")
    return transform(np.where(one, one, other), back)


# ---------------------------------------------------------------- copies of a pattern


@njit(cache=True)
def _wanted_by_copies(grid, cells_rc, shifts_rc):
    """What copies of the cells (P, 2), moved by each shift (S, 2), want where: a colour, 0, or _DISAGREE."""
    wanted = np.zeros(grid.shape, np.uint8)
    for s in range(len(shifts_rc)):
        for p in range(len(cells_rc)):
            row, col = cells_rc[p, 0] + shifts_rc[s, 0], cells_rc[p, 1] + shifts_rc[s, 1]
            if row < 0 or row >= grid.shape[0] or col < 0 or col >= grid.shape[1]:
                continue
            colour = grid[cells_rc[p, 0], cells_rc[p, 1]]
            if wanted[row, col] == 0:
                wanted[row, col] = colour
            elif wanted[row, col] != colour:
                wanted[row, col] = _DISAGREE
    return wanted


@_law(
    lambda direction, gap: (
        f"Repeat the pattern of all filled cells {listed([direction])} until the edge, "
        f"with {number_of(gap, 'empty cell') if gap else 'nothing'} between the copies."
    ),
    domain="a filled cell",
    direction=DIRECTION,
    gap=GAP,
)
def repeat(grid: np.ndarray, direction: str, gap: int) -> np.ndarray:
    """Copies of all that is filled, one after the other in a direction; what lies outside the grid is cut off."""
    cells_rc = np.argwhere(grid)
    rows, columns = _box_of(cells_rc, "repeat")
    period = np.array([rows.stop - rows.start + gap, columns.stop - columns.start + gap])
    shifts_rc = np.arange(1, MAX_SIDE_CELLS)[:, None] * period * STEPS[direction]
    return grid + _wanted_by_copies(grid, cells_rc, shifts_rc)  # copies meet neither each other nor the original


@_law(
    lambda marker, anchor: (
        (
            f"Copy the pattern of all cells that are not {COLOUR_NAMES[marker]} onto every {COLOUR_NAMES[marker]} "
            "cell, middle on marker"
            if anchor == "middle"
            else f"Copy the pattern that contains one {COLOUR_NAMES[marker]} cell onto every lone "
            f"{COLOUR_NAMES[marker]} cell, marker on marker"
        )
        + "; copies fill empty cells and markers only, and a cell for which they name two colours stays as it was."
    ),
    domain=(
        "a marker and, with anchor = middle: other filled cells, in a box of odd sides; with anchor = marker: exactly "
        "one group of two or more filled cells, joined by sides or corners, that contains exactly one marker"
    ),
    marker=COLOUR,
    anchor=Kind((("middle", "marker"),)),
)
def stamp(grid: np.ndarray, marker: int, anchor: str) -> np.ndarray:
    """A pattern copied onto every marker; what copies do not cover stays, and so do markers left open."""
    is_marker = grid == marker
    if anchor == "middle":
        is_site = is_marker
        cells_rc = np.argwhere((grid > 0) & ~is_marker)
        if not len(cells_rc):
            raise LawDoesNotApply("stamp needs a pattern besides its markers, this grid has none")
        rows, columns = _box_of(cells_rc, "stamp")
        if (rows.stop - rows.start) % 2 == 0 or (columns.stop - columns.start) % 2 == 0:
            raise LawDoesNotApply("stamp needs a pattern of odd sides, because no cell is the middle of an even side")
        anchor_rc = np.array([rows.start + rows.stop - 1, columns.start + columns.stop - 1]) // 2
    else:
        groups, num_groups = label((grid > 0).astype(np.uint8), 8)
        sizes = np.bincount(groups.ravel(), minlength=num_groups + 1)
        num_markers = np.bincount(groups[is_marker], minlength=num_groups + 1)
        patterns = np.flatnonzero((num_markers == 1) & (sizes > 1))
        if len(patterns) != 1:
            raise LawDoesNotApply(f"stamp needs exactly one pattern with one marker, this grid has {len(patterns)}")
        is_pattern = groups == patterns[0]
        is_site = is_marker & (sizes[groups] == 1)
        cells_rc, anchor_rc = np.argwhere(is_pattern), np.argwhere(is_pattern & is_marker)[0]
    if not is_site.any():
        raise LawDoesNotApply(f"stamp needs a marker of the colour {COLOUR_NAMES[marker]}, this grid has none")
    wanted = _wanted_by_copies(grid, cells_rc, np.argwhere(is_site) - anchor_rc)
    can_paint = ((grid == 0) | is_site) & (wanted > 0) & (wanted != _DISAGREE)
    return np.where(can_paint, wanted, grid)


# ---------------------------------------------------------------- lines and fills


@_law(
    lambda colour, connectivity: (
        f"Fill with {COLOUR_NAMES[colour]} every empty cell from which no path of empty cells, "
        f"joined by {WORDS_OF_CONNECTIVITY[connectivity]}, leads to the border."
    ),
    colour=COLOUR,
    connectivity=CONNECTIVITY,
)
def fill_enclosed(grid: np.ndarray, colour: int, connectivity: int) -> np.ndarray:
    """Fill empty cells that are shut in."""
    return np.where(enclosed_cells(grid == 0, connectivity), np.uint8(colour), grid)


@njit(cache=True)
def _outline(grid, colour, connectivity):
    height, width = grid.shape
    result = grid.copy()
    for row in range(height):
        for col in range(width):
            if grid[row, col] != 0:
                continue
            for k in range(connectivity):
                to_row, to_col = row + NEIGHBOUR_STEPS[k, 0], col + NEIGHBOUR_STEPS[k, 1]
                if 0 <= to_row < height and 0 <= to_col < width and grid[to_row, to_col] != 0:
                    result[row, col] = colour
                    break
    return result


@_law(
    lambda colour, connectivity: (
        f"Outline everything filled: empty cells that touch a filled cell by {WORDS_OF_CONNECTIVITY[connectivity]} "
        f"become {COLOUR_NAMES[colour]}."
    ),
    colour=COLOUR,
    connectivity=CONNECTIVITY,
)
def outline(grid: np.ndarray, colour: int, connectivity: int) -> np.ndarray:
    """Colour the empty cells next to filled ones."""
    return _outline(grid, colour, connectivity)


@njit(cache=True)
def _hollow(grid, connectivity):
    height, width = grid.shape
    result = grid.copy()
    for row in range(1, height - 1):
        for col in range(1, width - 1):
            is_inside = True
            for k in range(connectivity):
                neighbour = grid[row + NEIGHBOUR_STEPS[k, 0], col + NEIGHBOUR_STEPS[k, 1]]
                is_inside = is_inside and neighbour == grid[row, col]
            if is_inside:
                result[row, col] = 0
    return result


@_law(
    lambda connectivity: (
        f"Hollow out everything: cells whose {connectivity} neighbours by {WORDS_OF_CONNECTIVITY[connectivity]} "
        "all lie on the grid and have the same colour become empty."
    ),
    connectivity=CONNECTIVITY,
)
def hollow(grid: np.ndarray, connectivity: int) -> np.ndarray:
    """Empty the inside of each patch of one colour; what lies outside the grid is no neighbour of the same colour."""
    return _hollow(grid, connectivity)


@njit(cache=True)
def _rays(grid, source, steps_rc, colour, only_to_contact):
    height, width = grid.shape
    result = grid.copy()
    for row in range(height):
        for col in range(width):
            if grid[row, col] != source:
                continue
            for s in range(len(steps_rc)):
                d_row, d_col = steps_rc[s, 0], steps_rc[s, 1]
                length = 1
                while True:
                    to_row, to_col = row + length * d_row, col + length * d_col
                    is_inside = 0 <= to_row < height and 0 <= to_col < width
                    if not is_inside or grid[to_row, to_col] != 0:
                        break
                    length += 1
                if only_to_contact and not is_inside:
                    continue
                for k in range(1, length):
                    result[row + k * d_row, col + k * d_col] = colour
    return result


@_law(
    lambda source, directions, colour, only_to_contact: (
        f"Every {COLOUR_NAMES[source]} cell sends {COLOUR_NAMES[colour]} rays {listed(directions)} through empty "
        f"cells up to the first filled cell"
        f"{', but none where a ray would reach the edge instead.' if only_to_contact else ' or the edge.'}"
    ),
    domain="a cell of the source colour",
    source=COLOUR,
    directions=DIRECTIONS,
    colour=COLOUR,
    only_to_contact=FLAG,
)
def rays(grid: np.ndarray, source: int, directions: tuple[str, ...], colour: int, only_to_contact: bool) -> np.ndarray:
    """Rays from all cells of a colour at once; they end at what was there before and pass through each other."""
    if not (grid == source).any():
        raise LawDoesNotApply(f"rays need a cell of the colour {COLOUR_NAMES[source]}, this grid has none")
    steps_rc = np.array([STEPS[direction] for direction in directions])
    return _rays(grid, source, steps_rc, colour, only_to_contact)


# ---------------------------------------------------------------- objects


def _cells_of_selected(grid: np.ndarray, which: tuple[str, Value], connectivity: int) -> np.ndarray:
    """Which cells belong to an object with the property, (H, W) bool."""
    objects = find_objects(grid, connectivity)
    is_chosen = np.zeros(len(objects) + 1, bool)
    is_chosen[1:] = select(objects, which)
    return is_chosen[objects.labels]


@_law(
    lambda which, connectivity: (
        f"Keep every {object_words(which)} and delete the others; {joined_words(connectivity)}."
    ),
    which=WHICH,
    connectivity=CONNECTIVITY,
)
def keep(grid: np.ndarray, which: tuple[str, Value], connectivity: int) -> np.ndarray:
    """Only the objects with a property stay."""
    return grid * _cells_of_selected(grid, which, connectivity)


@_law(
    lambda which, connectivity: (
        f"Delete every {object_words(which)} and keep the others; {joined_words(connectivity)}."
    ),
    which=WHICH,
    connectivity=CONNECTIVITY,
)
def delete(grid: np.ndarray, which: tuple[str, Value], connectivity: int) -> np.ndarray:
    """The objects with a property go."""
    return grid * ~_cells_of_selected(grid, which, connectivity)


@_law(
    lambda which, colour, connectivity: (
        f"Give the colour {COLOUR_NAMES[colour]} to every {object_words(which)}; {joined_words(connectivity)}."
    ),
    which=WHICH,
    colour=COLOUR,
    connectivity=CONNECTIVITY,
)
def recolour(grid: np.ndarray, which: tuple[str, Value], colour: int, connectivity: int) -> np.ndarray:
    """The objects with a property take a colour."""
    return np.where(_cells_of_selected(grid, which, connectivity), np.uint8(colour), grid)


@_law(
    lambda which, is_alone, connectivity: (
        f"Cut out the box around the only {object_words(which)}, "
        f"{'without' if is_alone else 'with'} what else lies in the box; {joined_words(connectivity)}."
    ),
    domain="exactly one object with the property",
    may_change_size=True,
    which=WHICH,
    is_alone=FLAG,
    connectivity=CONNECTIVITY,
)
def crop(grid: np.ndarray, which: tuple[str, Value], is_alone: bool, connectivity: int) -> np.ndarray:
    """The bounding box of the one object with a property."""
    objects = find_objects(grid, connectivity)
    chosen = np.flatnonzero(select(objects, which)).tolist()
    if len(chosen) != 1:
        raise LawDoesNotApply(f"crop needs exactly one {object_words(which)}, this grid has {len(chosen)}")
    part = grid[objects.box(chosen[0])]
    return part * objects.mask(chosen[0]) if is_alone else part


# ---------------------------------------------------------------- order and number


@_law(
    lambda fuller: (
        f"Sort the {'rows' if fuller in ('up', 'down') else 'columns'} by their number of filled cells, "
        f"the fullest {WORDS_OF_SIDE[fuller]}."
    ),
    domain="rows (or columns) with equally many filled cells are equal",
    fuller=STRAIGHT_DIRECTION,
)
def sort_lines(grid: np.ndarray, fuller: str) -> np.ndarray:
    """Rows or columns in the order of how much is in them, fuller in a direction."""
    symmetry = _symmetry_that_turns(fuller, "down")
    lines = transform(grid, symmetry)
    counts = (lines > 0).sum(axis=1)
    order = np.argsort(counts, kind="stable")
    lines, counts = lines[order], counts[order]
    if ((counts[1:] == counts[:-1]) & (lines[1:] != lines[:-1]).any(axis=1)).any():
        raise LawDoesNotApply("sort_lines needs lines that differ to differ in their number of filled cells")
    return transform(lines, inverse(symmetry))


@_law(
    lambda larger, connectivity: (
        f"Sort the objects by size, the largest {WORDS_OF_SIDE[larger]}, moving each only "
        f"{'up or down' if larger in ('up', 'down') else 'left or right'} and keeping the gaps between neighbours in "
        f"their order; {joined_words(connectivity)}."
    ),
    domain="two or more objects that share no line across the direction; those of equal size are equal",
    larger=STRAIGHT_DIRECTION,
    connectivity=CONNECTIVITY,
)
def sort_objects(grid: np.ndarray, larger: str, connectivity: int) -> np.ndarray:
    """Objects that lie one after the other, in the order of their sizes; the gaps between them stay in place."""
    symmetry = _symmetry_that_turns(larger, "right")
    turned = np.ascontiguousarray(transform(grid, symmetry))
    objects = find_objects(turned, connectivity)
    if len(objects) < 2:
        raise LawDoesNotApply(f"sort_objects needs two or more objects, this grid has {len(objects)}")
    by_place = np.argsort(objects.left)
    gaps = objects.left[by_place[1:]] - objects.left[by_place[:-1]] - objects.width[by_place[:-1]]
    if gaps.min() < 0:
        raise LawDoesNotApply("sort_objects needs objects that share no line across the direction")
    by_size = np.argsort(objects.size, kind="stable")
    for n, m in pairwise(by_size.tolist()):
        if objects.size[n] == objects.size[m] and not _look_same(objects, n, m):
            raise LawDoesNotApply("sort_objects needs objects that differ to differ in size")
    # the first object begins where the first one began; each next one after the width and the gap before it
    left = np.concatenate([objects.left[by_place[:1]], objects.width[by_size[:-1]] + gaps]).cumsum()
    shift = np.zeros(len(objects) + 1, np.int64)
    shift[by_size + 1] = left - objects.left[by_size]
    rows, columns = np.nonzero(turned)
    result = np.zeros_like(turned)
    result[rows, columns + shift[objects.labels[rows, columns]]] = turned[rows, columns]
    return transform(result, inverse(symmetry))


def _look_same(objects: Objects, n: int, m: int) -> bool:
    """Whether two objects differ in nothing but their place along the rows."""
    same_colour_and_row = objects.colour[n] == objects.colour[m] and objects.top[n] == objects.top[m]
    return same_colour_and_row and have_same_shape(objects.labels, objects.table, n, m)


_CONNECTIVITY_OF_COUNT = {"cells": None, "objects_by_sides": 4, "objects_by_corners": 8}
_WORDS_OF_COUNT = {
    "cells": "cells",
    "objects_by_sides": "objects (joined by sides)",
    "objects_by_corners": "objects (joined by sides or corners)",
}


@_law(
    lambda counted, bars: (
        f"Count the {_WORDS_OF_COUNT[counted]} of each colour and draw each number as a bar of that colour growing "
        f"{bars[0]}, side by side, the longest {WORDS_OF_SIDE[bars[1]]}."
    ),
    domain="a filled cell, at most 30 of each colour, and no two colours equally often",
    may_change_size=True,
    counted=Kind((tuple(_CONNECTIVITY_OF_COUNT),)),
    bars=BARS,
)
def count_to_bars(grid: np.ndarray, counted: str, bars: tuple[str, str]) -> np.ndarray:
    """A histogram of the colours, as small as it can be."""
    connectivity = _CONNECTIVITY_OF_COUNT[counted]
    coloured = grid.ravel() if connectivity is None else find_objects(grid, connectivity).colour
    counts = np.bincount(coloured, minlength=NUM_COLOURS)
    counts[0] = 0
    colours = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    lengths = counts[colours]
    if not len(lengths):
        raise LawDoesNotApply("count_to_bars needs a filled cell, this grid has none")
    if (lengths[1:] == lengths[:-1]).any():
        raise LawDoesNotApply("count_to_bars needs colours that differ in number, because equal bars have no order")
    picture = np.where(np.arange(lengths[0]) < lengths[:, None], colours[:, None], 0)
    symmetry = next(name for name in SYMMETRIES if (turn_direction("right", name), turn_direction("up", name)) == bars)
    return transform(picture, symmetry)
