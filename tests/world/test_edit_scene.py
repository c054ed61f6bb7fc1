"""What is expected of organisms: whom a step would push, what ends it, and how far something would fall."""

from __future__ import annotations

import numpy as np
import pytest

from tests.world.test_codec import grid_of
from world.edit_scene import STEPS, Scene, Way

UP, DOWN, LEFT, RIGHT = STEPS


def scene_of(picture: str, bodies: str | None = None) -> Scene:
    grid = grid_of(picture)
    return Scene(grid, (grid if bodies is None else grid_of(bodies)).astype(np.int16), grid.shape)


@pytest.mark.parametrize(
    ("picture", "way", "members"),
    [
        ("X.", Way.FREE, [10]),
        ("X12.", Way.PUSHES, [10, 1, 2]),
        ("X1", Way.EDGE, []),
        ("X15.", Way.WALL, []),
        ("X.1", Way.FREE, [10]),
        ("X22 .2. .3.", Way.EDGE, []),
        ("X2.. .2.. .233 ....", Way.PUSHES, [10, 2, 3]),
    ],
)
def test_a_step_takes_along_whole_organisms_until_something_ends_it(picture: str, way: Way, members: list[int]):
    if picture.startswith("X2.. "):
        picture = "X2... .2... .233. ....."
    found, moved = scene_of(picture).way(10, RIGHT)
    assert (found, list(moved)) == (way, members)
    assert found.is_open == bool(members)


def test_boxlings_end_a_step_too():
    assert scene_of("1X.", "23.").way(2, RIGHT)[0] == Way.BOXLING


def test_a_step_follows_who_makes_the_same_step():
    scene = scene_of("12. ...")
    for step, way in ((RIGHT, Way.FOLLOWS), (DOWN, Way.PUSHES)):
        scene.lift(2)
        scene.put(2, step)
        assert scene.way(1, RIGHT)[0] == way


def test_who_is_told_first_and_what_the_others_then_expect():
    scene = scene_of("X12. .3.. ....", "512. .3.. ....")
    assert scene.in_order() == [5, 3, 1, 2]
    scene.lift(5)
    scene.put(5, RIGHT)
    assert [scene.expected(n) for n in (3, 1, 2)] == [(0, 0), RIGHT, RIGHT]
    scene.lift(3)
    scene.put(3, DOWN)
    # where 1 is expected nothing bears it, and 5 lies where it was
    scene.lift(1)
    assert scene.fall(1, RIGHT) == 2
    assert scene.fall(1, (0, 0)) == 0
    scene.put(1, (2, 1))
    scene.lift(2)
    scene.put(2, RIGHT)
    assert scene.neighbours(1) == [3]
    assert scene.neighbours(5) == []


def test_who_is_told_is_pushed_no_more():
    scene = scene_of("X1. ...")
    for n, step in ((1, DOWN), (10, RIGHT)):
        scene.lift(n)
        scene.put(n, step)
    assert scene.way(10, RIGHT)[1] == [10, 1]
    assert scene.expected(1) == DOWN


def test_a_fall_ends_at_the_edge_or_on_what_lies_there():
    scene = scene_of("11. 1.. ... 2..")
    scene.lift(1)
    assert scene.fall(1, (0, 0)) == 1
    assert scene.fall(1, RIGHT) == 2


def test_what_has_no_name_is_only_in_the_way():
    grid = grid_of("1. .. 2.")
    scene = Scene(grid, np.array([[7, 0], [0, 0], [33, 0]], np.int16), (5, 4))
    assert scene.in_order() == [7]
    assert scene.corner(7) == (0, 0)
    scene.lift(7)
    assert scene.fall(7, (0, 0)) == 1
    # the canvas is larger than the picture
    assert scene.fall(7, (0, 3)) == 4
    assert scene.way(7, RIGHT)[0] == Way.FREE


def test_a_move_beyond_the_edge_breaks_nothing():
    scene = scene_of("11 11")
    scene.lift(1)
    scene.put(1, (1, 1))
    assert scene.neighbours(1) == []
    scene.put(1, (-20, 3))
    assert scene.neighbours(1) == []
