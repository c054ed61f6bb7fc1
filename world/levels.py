"""Level files of Sokoban, in the text format of Boxoban (Guez et al. 2018, https://github.com/google-deepmind/boxoban-levels).

A level is a block of lines; lines that begin with ";" and empty ones part levels. One character is a cell:

    #  wall     space, - or _  floor     @  the player     +  the player on a goal
    .  goal     $              a box     *  a box on a goal

Each level has one player and as many boxes as goals, at least one of which has no box yet. Lines may end early: what is
missing is wall, and so is all that lies beyond the level. Nobody checks that a level can be solved.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAX_SIDE_CELLS = 30
MAX_BOXES = 30
_FLOOR = " -_"
_CHARACTERS = "#@+.$*" + _FLOOR


@dataclass(frozen=True)
class Level:
    """One level of H x W cells."""

    is_wall: np.ndarray  # (H, W) bool
    is_goal: np.ndarray  # (H, W) bool
    is_box: np.ndarray  # (H, W) bool
    player_rc: tuple[int, int]

    @property
    def name(self) -> str:
        """The level itself as text; equal levels have equal names."""
        height, width = self.is_wall.shape
        rows = []
        for row in range(height):
            cells = ""
            for col in range(width):
                is_goal, is_player = bool(self.is_goal[row, col]), self.player_rc == (row, col)
                if self.is_wall[row, col]:
                    cells += "#"
                elif is_player:
                    cells += "+" if is_goal else "@"
                elif self.is_box[row, col]:
                    cells += "*" if is_goal else "$"
                else:
                    cells += "." if is_goal else " "
            rows.append(cells)
        return "\n".join(rows)


def read_levels(path: str | Path) -> list[Level]:
    """All levels of a file; ValueError names the file and the place of the first fault."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"cannot read the level file {path}: {reason}") from None
    try:
        return parse_levels(text)
    except ValueError as error:
        raise ValueError(f"level file {path}, {error}") from None


def parse_levels(text: str) -> list[Level]:
    """All levels of a text; ValueError names line and column of the first fault.

    >>> [level] = parse_levels("; 0\\n#####\\n#@$.#\\n#####\\n")
    >>> level.is_wall.shape, level.player_rc
    ((3, 5), (1, 1))
    """
    blocks: list[tuple[int, list[str]]] = []  # first line, counted from 1, and lines
    is_open = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(";") or not line.strip():
            is_open = False
            continue
        if not is_open:
            blocks.append((number, []))
            is_open = True
        blocks[-1][1].append(line)
    if not blocks:
        raise ValueError("line 1: expected a level, got none")
    return [_level_of(first, lines) for first, lines in blocks]


def _level_of(first: int, lines: list[str]) -> Level:
    height, width = len(lines), max(map(len, lines))
    if height > MAX_SIDE_CELLS or width > MAX_SIDE_CELLS:
        raise ValueError(f"line {first}: a level has sides of at most {MAX_SIDE_CELLS} cells, got {height} x {width}")
    cells = np.full((height, width), "#")
    for row, line in enumerate(lines):
        for col, character in enumerate(line):
            if character not in _CHARACTERS:
                raise ValueError(
                    f"line {first + row}, column {col + 1}: expected one of {_CHARACTERS!r}, got {character!r}"
                )
            cells[row, col] = character
    players = np.argwhere((cells == "@") | (cells == "+"))
    if len(players) != 1:
        # the one too many, or the level that has none
        where = f"line {first}"
        if len(players):
            where = f"line {first + int(players[1, 0])}, column {int(players[1, 1]) + 1}"
        raise ValueError(f"{where}: a level has one player (@ or +), got {len(players)}")
    is_goal = (cells == ".") | (cells == "+") | (cells == "*")
    is_box = (cells == "$") | (cells == "*")
    if is_box.sum() != is_goal.sum():
        raise ValueError(
            f"line {first}: a level has as many boxes as goals, got {is_box.sum()} boxes and {is_goal.sum()} goals"
        )
    if not 1 <= is_box.sum() <= MAX_BOXES:
        raise ValueError(f"line {first}: a level has 1 to {MAX_BOXES} boxes, got {is_box.sum()}")
    if (is_box == is_goal).all():
        raise ValueError(f"line {first}: at least one box must not be on a goal yet, got a level that is solved")
    return Level(cells == "#", is_goal, is_box, (int(players[0, 0]), int(players[0, 1])))
