"""Pictures show the right colour at the centre of every cell, at any size."""

from __future__ import annotations

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_worlds
from world.codes import BOXLING_COLOUR
from world.engine import build, law_book
from world.render import PALETTE, SEAM, draw_grid, picture
from world.sense import whole_view
from world.state import build_worlds


@pytest.mark.parametrize("cell_pixels", [1, 2, 3, 5, *range(6, 33), 48, 100])
def test_the_centre_of_every_cell_has_the_colour_of_what_lies_there(cell_pixels: int):
    worlds = draw_worlds(np.random.default_rng(cell_pixels), 3, 4, 5, 3)
    worlds.floor = np.random.default_rng(0).integers(0, 10, worlds.floor.shape).astype(np.uint8)
    looks = whole_view(worlds)
    assert (looks == BOXLING_COLOUR).any()
    for b in range(len(worlds)):
        image = picture(worlds, b, cell_pixels)
        assert image.shape == (4 * cell_pixels, 5 * cell_pixels, 3)
        assert image.dtype == np.uint8
        centres = image[cell_pixels // 2 :: cell_pixels, cell_pixels // 2 :: cell_pixels]
        np.testing.assert_array_equal(centres, PALETTE[looks[b]])


def test_every_look_has_a_colour_of_its_own():
    assert PALETTE.shape == (11, 3)
    assert len(np.unique(PALETTE, axis=0)) == 11


def test_a_seam_parts_bodies_and_not_the_cells_of_one():
    grid, colour = np.array([[[2, 2, 3]]]), np.array([[0, 0, 1, 1]])  # of one colour, and yet two bodies
    image = picture(build(grid, colour, law_book()), 0, 24)
    assert image[12, 24].tolist() == PALETTE[1].tolist()
    assert image[12, 48].tolist() == SEAM.tolist()


def test_boxlings_have_two_eyes_and_boxes_have_none():
    grid, colour = np.array([[[2, 3]]]), np.array([[0, 0, BOXLING_COLOUR, 1]])
    image = picture(build_worlds(grid, colour, np.array([[2]])), 0, 24)
    is_dark = (image == PALETTE[0]).all(axis=-1)
    assert is_dark[:, :24].sum() == 2 * 4 * 4
    assert not is_dark[:, 24:].any()
    grid, colour = np.array([[[0, 2, 2, 3]]]), np.array([[0, 0, BOXLING_COLOUR, BOXLING_COLOUR]])
    image = picture(build_worlds(grid, colour, np.array([[2, 3]])), 0, 24)
    is_dark = (image == PALETTE[0]).all(axis=-1)
    # of several cells the first one has them
    assert [int(is_dark[:, 24 * k : 24 * k + 24].sum()) for k in (1, 2, 3)] == [32, 0, 32]


@pytest.mark.parametrize("cell_pixels", [0, -3])
def test_cells_without_pixels_are_refused(cell_pixels: int):
    with pytest.raises(ValueError, match=f"cell_pixels must be a whole number >= 1, got {cell_pixels}"):
        picture(draw_worlds(np.random.default_rng(0), 1, 2, 2, 1), 0, cell_pixels)


def test_a_mark_on_the_floor_is_seen_where_nothing_lies_and_around_what_stands_on_it():
    grid, colour = np.array([[[2, 0, 0]]]), np.array([[0, 0, 1]])
    worlds = build_worlds(grid, colour, np.zeros((1, 0)).astype(int))
    worlds.floor[0, 0] = [3, 3, 0]
    image = picture(worlds, 0, 24)
    colours = [(image[:, k * 24 : k * 24 + 24] == PALETTE[3]).all(axis=-1) for k in range(3)]
    assert [part[12, 12] for part in colours] == [False, True, False]
    assert [bool(part.any()) for part in colours] == [True, True, False]
    assert colours[1].sum() > colours[0].sum() > 100
    assert (picture(worlds, 0, 3)[1, [1, 4, 7]] == PALETTE[[1, 3, 0]]).all()


def test_a_grid_of_colours_has_a_seam_around_every_cell():
    image = draw_grid(np.array([[1, 1]]), 12)
    assert image.shape == (12, 24, 3)
    assert (image[6, [6, 18]] == PALETTE[1]).all()
    assert (image[6, 12] == SEAM).all()
    with pytest.raises(ValueError, match=r"colours must be in \[0, 10\], got 0 to 11"):
        draw_grid(np.array([[0, 11]]))
