"""What is seen and who is heard, against plain Python on drawn worlds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.world.drawn_worlds import draw_worlds
from world.codes import BOXLING_COLOUR, NUM_LOOKS, OUTSIDE
from world.sense import egocentric_view, is_audible, whole_view
from world.state import Worlds, build_worlds


def drawn(seed: int, num_agents: int = 3) -> Worlds:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 9, 2)
    worlds = draw_worlds(rng, 8, int(height), int(width), num_agents)
    worlds.is_over = rng.random(8) < 0.2
    worlds.floor = rng.integers(0, 10, worlds.floor.shape).astype(np.uint8) * (rng.random(worlds.floor.shape) < 0.3)
    return worlds


def look_at(worlds: Worlds, b: int, row: int, column: int) -> int:
    height, width = worlds.owner.shape[1:]
    if not (0 <= row < height and 0 <= column < width):
        return OUTSIDE
    body = worlds.owner[b, row, column]
    return int(worlds.colour[b, body]) if body else int(worlds.floor[b, row, column])


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_an_egocentric_view_equals_its_plain_python_version(radius: int):
    num_seen, num_outside = 0, 0
    for seed in range(20):
        worlds = drawn(seed)
        view = egocentric_view(worlds, radius)
        side = 2 * radius + 1
        assert view.shape == (*worlds.agent_body.shape, side, side)
        assert view.dtype == np.uint8
        assert view.max() < NUM_LOOKS
        for b, a in np.ndindex(*worlds.agent_body.shape):
            row, column = worlds.position_rc[b, a]
            if worlds.is_over[b] or worlds.agent_body[b, a] == 0:
                assert not view[b, a].any()
                num_outside += 1
                continue
            expected = [
                [look_at(worlds, b, row + i, column + j) for j in range(-radius, radius + 1)]
                for i in range(-radius, radius + 1)
            ]
            assert view[b, a].tolist() == expected
            assert view[b, a, radius, radius] == BOXLING_COLOUR
            num_seen += 1
    assert num_seen > 100
    assert num_outside > 30


def test_the_whole_view_shows_the_colour_of_every_cell():
    for seed in range(20):
        worlds = drawn(seed)
        view = whole_view(worlds)
        assert view.dtype == np.uint8
        for b, row, column in np.ndindex(*worlds.owner.shape):
            assert view[b, row, column] == look_at(worlds, b, row, column)


def test_views_show_colours_and_never_who_is_who():
    worlds = drawn(3, num_agents=2)
    new_name = np.concatenate([[0], 1 + np.random.default_rng(0).permutation(worlds.colour.shape[1] - 1)])
    colour = worlds.colour.copy()
    colour[:, new_name] = worlds.colour
    renamed = build_worlds(new_name[worlds.owner], colour, new_name[worlds.agent_body])
    renamed.floor = worlds.floor
    worlds.is_over[:] = False
    np.testing.assert_array_equal(whole_view(renamed), whole_view(worlds))
    np.testing.assert_array_equal(egocentric_view(renamed, 2), egocentric_view(worlds, 2))


@pytest.mark.parametrize("radius", [0, 1, 2, 3])
def test_who_hears_whom_equals_its_plain_python_version(radius: int):
    num_near, num_far = 0, 0
    for seed in range(20):
        worlds = drawn(seed, num_agents=seed % 5)
        audible = is_audible(worlds, radius)
        num_agents = worlds.agent_body.shape[1]
        assert audible.shape == (len(worlds), num_agents, num_agents)
        for b, listener, speaker in np.ndindex(*audible.shape):
            is_somewhere = worlds.agent_body[b, listener] > 0 and worlds.agent_body[b, speaker] > 0
            apart = worlds.position_rc[b, listener] - worlds.position_rc[b, speaker]
            is_near = radius == 0 or not is_somewhere or int(np.abs(apart).max()) <= radius
            assert audible[b, listener, speaker] == (is_near and listener != speaker)
            num_near += is_near
            num_far += not is_near
    assert num_near > 100
    assert (num_far > 10) == (radius > 0)


def test_a_voice_from_outside_the_grid_is_heard_however_far():
    grid = np.zeros((1, 8, 8), np.uint8)
    grid[0, 0, 0], grid[0, 7, 7] = 2, 3
    worlds = build_worlds(grid, np.array([[0, 0, 10, 10]]), np.array([[0, 2, 3]]))
    expected = [[[False, True, True], [True, False, False], [True, False, False]]]
    assert is_audible(worlds, 2).tolist() == expected
