"""Episodes of colour grids as few bytes: edits in an arithmetic coder that counts what came before.

`pack` tells each grid by an edit code (see `world.codec`) of the one before it, in which organisms are bodies that
are followed from grid to grid (`world.body_tracks`); `unpack` is its exact inverse. An edit is told as questions with a
few answers, each of which is put to a coder with a probability (`world.arithmetic`). What happens to an organism is
asked by expectation: does it go where it is pushed and then fall as far as it can; if not, does it stay; which step
else; does anything else happen to it (`world.edit_scene`). That there may be pushes and falls is thus built in, and
whether and when things are pushed, fall or are eaten is learned from the episodes themselves.

Each answer is counted in several contexts, from all cases of the question to the most special one, and its
probability is (count + that in the wider context) / (all counts + 1): the more a context has seen, the less it leans on
the wider one (MacKay & Peto 1995, https://doi.org/10.1017/S1351324900000218). Counts may begin anew with each episode,
or be kept for the next; code lengths are then prequential (Dawid 1984, https://doi.org/10.2307/2981683): nothing is
fitted on what it is judged on. Only counts and the four operations of arithmetic enter a probability, so that each
machine can read what another wrote.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from world import edit_rules
from world.arithmetic import Coder, Reader, Writer
from world.body_tracks import follow
from world.codec import GridEdit, Operation, decode, encode, join, parse
from world.codes import BOXLING_COLOUR, WALL_COLOUR
from world.edit_rules import ARGUMENTS, MAX_ORGANISMS, MAX_SIDE_CELLS, NUM_COLOURS, NUM_OPERATIONS
from world.edit_scene import STEPS, Scene, Way
from world.edit_search import MAX_TOKENS, by_objects
from world.symmetry import SYMMETRIES

_MAX_EDITS = MAX_TOKENS // 3
# who is larger and touched: 1 nobody whom touch ever led to anything, 2 somebody untried, 3 somebody who did eat
_DANGER = {False: 1, None: 2, True: 3}
_MAX_TICKS_COUNTED = 99  # how long episodes are is learned up to here


class _Meter:
    """Bits that a writer would write."""

    def __init__(self) -> None:
        self.bits = 0.0

    def bit(self, value: bool | None, probability: float) -> bool:
        self.bits -= math.log2(probability if value else 1 - probability)
        return bool(value)

    def number(self, value: int | None, limit: int) -> int:
        assert value is not None
        self.bits += math.log2(limit)
        return value


class Counts:
    """How often each question was answered yes and no, by context; what an episode leaves for the next."""

    def __init__(self) -> None:
        self._table: dict[Hashable, tuple[int, int]] = {}

    def copy(self) -> Counts:
        counts = Counts()
        counts._table = self._table.copy()
        return counts

    def become(self, other: Counts) -> None:
        self._table = other._table

    def __len__(self) -> int:
        """Contexts that were met."""
        return len(self._table)

    def flag(self, coder: Coder, value: bool | None, *contexts: Hashable) -> bool:
        """Ask yes or no in contexts from the widest to the most special one, and count the answer."""
        table = self._table
        probability = 0.5
        found = []
        for context in contexts:
            no, yes = table.get(context, (0, 0))
            found.append((context, no, yes))
            probability = (yes + probability) / (no + yes + 1)
        value = coder.bit(value, probability)
        for context, no, yes in found:
            table[context] = (no, yes + 1) if value else (no + 1, yes)
        return value

    def choice(self, coder: Coder, value: int | None, limit: int, name: str, context: Hashable = None) -> int:
        """Ask for a number in [0, limit), bit by bit from the highest."""
        chosen = 0
        for k in reversed(range((limit - 1).bit_length())):
            with_bit = chosen | 1 << k
            if with_bit < limit and self.flag(
                coder, None if value is None else bool(value >> k & 1), (name, with_bit), (name, with_bit, context)
            ):
                chosen = with_bit
        return chosen

    def pick(self, coder: Coder, value: int | None, likely: Sequence[int], limit: int, name: str) -> int:
        """Ask for a number in [0, limit), beginning with the likely ones."""
        for k, candidate in enumerate(likely):
            if self.flag(coder, value == candidate, (name, min(k, 3))):
                return candidate
        return coder.number(value, limit)


class Fate(NamedTuple):
    """All that one code does to an organism."""

    move: tuple[int, int] | None = None  # rows and columns
    into: int | None = None
    ink: int | None = None
    is_gone: bool = False
    turn: int | None = None

    @property
    def others(self) -> int:
        """Which edits there are besides MOVE, as bits."""
        return (self.into is not None) | (self.ink is not None) << 1 | self.is_gone << 2 | (self.turn is not None) << 3


_NO_FATE = Fate()


def pack(grids: Sequence[np.ndarray], bodies: np.ndarray | None = None, counts: Counts | None = None) -> bytes:
    """The bytes from which `unpack` tells all grids after the first; each (H, W) of sides 1 to 30, colours 0 to 10.

    `bodies` (H, W) are the bodies of the first grid, 0 for none, if they are known; else its components are taken.
    `counts` are those of the episodes before, and learn this one. ValueError, and nothing is learned, if a grid or
    bodies are none.

    >>> grids = [np.array([[10, 0, 0, 0]]), np.array([[0, 10, 0, 0]]), np.array([[0, 0, 10, 0]])]
    >>> [grid.tolist() for grid in unpack(grids[0], pack(grids))]
    [[[10, 0, 0, 0]], [[0, 10, 0, 0]], [[0, 0, 10, 0]]]
    """
    if len(grids) == 0:
        raise ValueError("an episode has at least one grid, got none")
    learned = Counts() if counts is None else counts.copy()
    writer = Writer()
    teller = _Teller(writer, learned, grids[0], bodies)
    for after in grids[1:]:
        teller.tell_next(True)
        teller.tell(teller.code_of(after))
    teller.tell_next(False)
    if counts is not None:
        counts.become(learned)
    return writer.finish()


def unpack(
    start: np.ndarray, data: bytes, bodies: np.ndarray | None = None, counts: Counts | None = None
) -> list[np.ndarray]:
    """All grids of a packed episode, `start` among them; `bodies` and `counts` must be those that `pack` was given.

    ValueError, and nothing is learned, if the bytes are damaged and it shows; if not, some other grids come out. An
    episode has at most some ten thousand grids for each byte.
    """
    learned = Counts() if counts is None else counts.copy()
    reader = Reader(data)
    teller = _Teller(reader, learned, start, bodies)
    grids = [teller.grid]
    while teller.tell_next(None):
        try:
            teller.tell(None)
        except ValueError as error:
            raise ValueError(f"the bytes lead to no grid after tick {len(grids) - 1}: {error}") from error
        grids.append(teller.grid)
    reader.finish()
    if counts is not None:
        counts.become(learned)
    return grids


class _Teller:
    """One episode as it is told, by a writer who knows each code or to a reader who does not."""

    def __init__(self, coder: Coder, counts: Counts, start: np.ndarray, bodies: np.ndarray | None) -> None:
        self.coder = coder
        self.counts = counts
        self.grid = decode(start, join([]), bodies)  # checked, and copied
        known = edit_rules.label(self.grid, 4)[0] if bodies is None else bodies
        self.bodies = np.require(known, np.int16, ["C", "W"])
        self.num_ticks = 0
        # of bodies that smaller ones touched: whether those were ever changed by it
        self.has_appetite: dict[int, bool] = {}

    def tell_next(self, is_next: bool | None) -> bool:
        """Whether another grid follows."""
        return self.counts.flag(self.coder, is_next, "next", ("next", min(self.num_ticks, _MAX_TICKS_COUNTED)))

    def code_of(self, after: np.ndarray) -> list[GridEdit]:
        """The shorter of two codes that lead to the next grid: by what happens to bodies, and the canonical one."""
        canonical = parse(encode(self.grid, after, self.bodies))
        after = np.require(after, np.uint8, ["C", "W"])
        if after.shape != self.grid.shape:
            return canonical
        tokens = np.empty(MAX_TOKENS, np.int16)
        of_bodies = parse(tokens[: by_objects(self.grid, after, self.bodies, tokens)])
        if of_bodies == canonical:
            return canonical
        return min((of_bodies, canonical), key=self.bits_of)

    def bits_of(self, edits: list[GridEdit]) -> float:
        """What it would cost to tell a code now; nothing is learned."""
        coder, counts, has_appetite = self.coder, self.counts, self.has_appetite
        meter = _Meter()
        self.coder, self.counts, self.has_appetite = meter, counts.copy(), has_appetite.copy()
        self.tell_edits(edits)
        self.coder, self.counts, self.has_appetite = coder, counts, has_appetite
        return meter.bits

    def tell(self, edits: list[GridEdit] | None) -> None:
        """Tell a code, and go on to the grid to which it leads."""
        edits = self.tell_edits(edits)
        after = decode(self.grid, join(edits), self.bodies)
        self.bodies = follow(self.bodies, self.grid, edits, after)
        self.grid = after
        self.num_ticks += 1

    def tell_edits(self, edits: list[GridEdit] | None) -> list[GridEdit]:
        """Window and size, then what happens to bodies, then all else."""
        coder, counts = self.coder, self.counts
        told = [] if edits is None else edits
        frame = [edit for edit in told if edit.operation in (Operation.CROP, Operation.SIZE)]
        done: list[GridEdit] = []
        picture, bodies = self.grid, self.bodies
        shape = picture.shape
        if counts.flag(coder, len(frame) > 0, "frame"):
            if counts.flag(coder, len(frame) > 0 and frame[0].operation == Operation.CROP, "crop"):
                done.append(self._edit(Operation.CROP, frame[0] if frame else None, shape, 0))
                row, column, height, width = done[-1].arguments
                picture, bodies = (grid[row : row + height, column : column + width] for grid in (picture, bodies))
                shape = (height, width)
            if counts.flag(coder, len(frame) > 0 and frame[-1].operation == Operation.SIZE, "size"):
                done.append(self._edit(Operation.SIZE, frame[-1] if frame else None, shape, 0))
                shape = (done[-1].arguments[0], done[-1].arguments[1])
        fates, rest = _objects_of(told[len(frame) :])
        if counts.flag(coder, len(fates) > 0, "objects"):
            scene = Scene(picture, bodies, shape)
            done += _edits_of(self._tell_fates(scene, shape, None if edits is None else fates))
        return done + self._tell_rest(done, None if edits is None else rest, shape)

    def _tell_fates(self, scene: Scene, shape: tuple[int, int], fates: dict[int, Fate] | None) -> dict[int, Fate]:
        """What happens to each organism: first where all go, then what else."""
        moves = {}
        num_surprises = 0
        for n in scene.in_order():
            scene.lift(n)
            fate = None if fates is None else fates.get(n, _NO_FATE)
            moves[n], is_surprise = self._tell_move(scene, n, shape, fate, num_surprises)
            num_surprises += is_surprise
            scene.put(n, moves[n] or (0, 0))
        told = {}
        for n, move in sorted(moves.items()):
            fate = self._tell_others(scene, n, move, None if fates is None else fates.get(n, _NO_FATE))
            if fate != _NO_FATE:
                told[n] = fate
        return told

    def _tell_move(
        self, scene: Scene, n: int, shape: tuple[int, int], fate: Fate | None, num_surprises: int
    ) -> tuple[tuple[int, int] | None, bool]:
        """The move of a lifted organism, None for none; and whether others do not explain it."""
        coder, counts = self.coder, self.counts
        colour = scene.colour[n]
        kind = colour if colour in (BOXLING_COLOUR, WALL_COLOUR) else -1
        is_first = kind == BOXLING_COLOUR or num_surprises == 0
        rows, columns = scene.expected(n)
        is_pushed = (rows != 0) + 2 * (columns != 0)
        fall = scene.fall(n, (rows, columns))
        candidates = [(rows + fall, columns)]  # pushed, then falls
        if fall:
            candidates.append((rows, columns))  # pushed only
        if is_pushed:
            candidates += [(own_fall, 0)] if (own_fall := scene.fall(n, (0, 0))) else []  # not pushed, but falls
            candidates.append((0, 0))
        ways: list[Way] = []
        for k, move in enumerate(candidates):
            said = fate and (fate.move or (0, 0)) == move and (fate.move is None) == (move == (0, 0))
            special: tuple[Hashable, ...] = (kind, k, is_pushed, fall > 0, is_first)
            if move == (0, 0):
                # who acts at random stays the more often, the fewer ways are open
                ways = ways or [scene.way(n, step)[0] for step in STEPS]
                if kind == BOXLING_COLOUR:
                    special = (*special, sum(way.is_open for way in ways))
            if counts.flag(coder, said, ("expected", k), ("expected", kind, k), special, (*special, colour)):
                return (None if move == (0, 0) else move), False
        for k, step in enumerate(STEPS):
            if step in candidates:
                continue
            num_open = sum(way.is_open for way in ways[k:])
            if counts.flag(
                coder,
                fate and fate.move == step,
                ("step", kind),
                ("step", kind, ways[k].is_open, num_open),
                ("step", kind, ways[k], num_open, k),
            ):
                return step, True
        row, column = scene.corner(n)
        said_move = fate.move if fate else None
        to_row = coder.number(None if said_move is None else said_move[0] + row, shape[0])
        to_column = coder.number(None if said_move is None else said_move[1] + column, shape[1])
        return (to_row - row, to_column - column), True

    def _tell_others(self, scene: Scene, n: int, move: tuple[int, int] | None, fate: Fate | None) -> Fate:
        """What happens to an organism besides its move, when all are where they went."""
        coder, counts = self.coder, self.counts
        colour = scene.colour[n]
        kind = colour if colour in (BOXLING_COLOUR, WALL_COLOUR) else -1
        touched = scene.neighbours(n)
        larger = [m for m in touched if len(scene.cells[m]) > len(scene.cells[n]) and scene.colour[m] != WALL_COLOUR]
        danger = max((_DANGER[self.has_appetite.get(m)] for m in larger), default=0)
        others = 0
        into, ink, turn = None, None, None
        if counts.flag(
            coder,
            fate and fate.others > 0,
            ("others", kind),
            ("others", kind, danger),
            ("others", kind, danger, move is None),
        ):
            others = counts.choice(coder, None if fate is None else fate.others, 16, "which others", kind)
            near = larger + [m for m in touched if m not in larger]
            if others & 1:
                into = counts.pick(coder, fate.into if fate else None, near, MAX_ORGANISMS + 1, "into")
            if others & 2:
                colours = list(dict.fromkeys(scene.colour[m] for m in near))
                ink = counts.pick(coder, fate.ink if fate else None, colours, NUM_COLOURS, "ink")
            if others & 8:
                turn = coder.number(fate.turn if fate else None, len(SYMMETRIES))
        for m in larger:
            if others and len(larger) == 1:
                self.has_appetite[m] = True
            elif not others:
                self.has_appetite.setdefault(m, False)
        return Fate(move, into, ink, bool(others & 4), turn)

    def _tell_rest(self, done: list[GridEdit], rest: list[GridEdit] | None, shape: tuple[int, int]) -> list[GridEdit]:
        """Copies, drawing and selections, END included."""
        coder, counts = self.coder, self.counts
        num_organisms = min(int(self.bodies.max()), MAX_ORGANISMS)
        edits: list[GridEdit] = []
        is_inside = False
        outer = shape, num_organisms
        last = Operation.END
        while len(edits) < _MAX_EDITS:
            edit = None if rest is None else rest[len(edits)]
            if counts.flag(coder, edit and edit.operation == Operation.END, ("end", is_inside), ("end", last)):
                edits.append(GridEdit(Operation.END, ()))
                if not is_inside:
                    return edits
                is_inside, last = False, Operation.SEL
                shape, num_organisms = outer
                continue
            said = None if edit is None else int(edit.operation)
            last = Operation(counts.choice(coder, said, NUM_OPERATIONS - 1, "operation", last))
            edits.append(self._edit(last, edit, shape, num_organisms))
            if last == Operation.SEL:
                if is_inside:
                    raise ValueError("a selection lies in a selection")
                is_inside = True
                reached = decode(self.grid, join([*done, *edits[:-1]]), self.bodies)
                row, column, height, width = edits[-1].arguments
                selected = np.ascontiguousarray(reached[row : row + height, column : column + width])
                shape, num_organisms = (height, width), edit_rules.number_organisms(selected)[1]
        raise ValueError(f"a code has fewer than {_MAX_EDITS} edits")

    def _edit(self, operation: Operation, edit: GridEdit | None, shape: Sequence[int], num_organisms: int) -> GridEdit:
        """The arguments of an edit, each among those that can stand there; colours are counted."""
        limits = {
            "row": (0, shape[0]), "column": (0, shape[1]), "height": (1, shape[0]), "width": (1, shape[1]),
            "rows": (1 - shape[0], 2 * shape[0] - 1), "columns": (1 - shape[1], 2 * shape[1] - 1),
            "organism": (1, num_organisms), "organism or picture": (0, num_organisms + 1),
            "symmetry": (0, 8), "direction": (0, 8),
        }  # fmt: skip
        if operation == Operation.SIZE:
            limits["height"] = limits["width"] = (1, MAX_SIDE_CELLS)
        arguments: list[int] = []
        for k, kind in enumerate(ARGUMENTS[operation]):
            value = None if edit is None else edit.arguments[k]
            if kind == "colour":
                arguments.append(self.counts.choice(self.coder, value, NUM_COLOURS, "colour", operation))
                continue
            lowest, limit = limits[kind]
            # a rectangle ends within the grid
            if kind == "height":
                limit -= 0 if operation == Operation.SIZE else arguments[0]
            elif kind == "width" and operation != Operation.SIZE:
                limit -= arguments[1]
            if limit < 1:
                raise ValueError(f"{operation.name} has nothing to name")
            arguments.append(self.coder.number(None if value is None else value - lowest, limit) + lowest)
        return GridEdit(operation, tuple(arguments))


def _objects_of(edits: list[GridEdit]) -> tuple[dict[int, Fate], list[GridEdit]]:
    """The fates of organisms until copies, drawing or selections begin, and these."""
    fates: dict[int, Fate] = {}
    for k, (operation, arguments) in enumerate(edits):
        fate = fates.get(arguments[0], _NO_FATE) if arguments else _NO_FATE
        if operation == Operation.GIVE:
            fate = fate._replace(into=arguments[1])
        elif operation == Operation.PAINT:
            fate = fate._replace(ink=arguments[1])
        elif operation == Operation.DEL:
            fate = fate._replace(is_gone=True)
        elif operation == Operation.MOVE:
            fate = fate._replace(move=(arguments[1], arguments[2]))
        elif operation == Operation.TURN:
            fate = fate._replace(turn=arguments[1])
        else:
            return fates, edits[k:]
        fates[arguments[0]] = fate
    return fates, []


def _edits_of(fates: dict[int, Fate]) -> list[GridEdit]:
    """The edits of fates, by operation and then by number."""
    told = sorted(fates.items())
    return [
        *(GridEdit(Operation.GIVE, (n, fate.into)) for n, fate in told if fate.into is not None),
        *(GridEdit(Operation.PAINT, (n, fate.ink)) for n, fate in told if fate.ink is not None),
        *(GridEdit(Operation.DEL, (n,)) for n, fate in told if fate.is_gone),
        *(GridEdit(Operation.MOVE, (n, *fate.move)) for n, fate in told if fate.move is not None),
        *(GridEdit(Operation.TURN, (n, fate.turn)) for n, fate in told if fate.turn is not None),
    ]
