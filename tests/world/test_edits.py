"""Edits lose nothing, and nonsense is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.world.drawn_worlds import draw_actions, draw_worlds
from world import edits, scenarios
from world.edits import Edit
from world.physics import push
from world.state import Worlds, empty_worlds

NUM_BODIES = 6  # with the unused one and the walls


@st.composite
def pairs_of_states(draw: st.DrawFn) -> tuple[Worlds, Worlds]:
    """Two states of one size that need have nothing to do with each other."""
    num_worlds, height, width = draw(st.integers(0, 2)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    states = []
    for _ in range(2):
        worlds = empty_worlds(num_worlds, height, width, NUM_BODIES - 2, 1, 1)
        bodies = st.integers(0, NUM_BODIES - 1)
        worlds.owner = draw(arrays(np.int16, (num_worlds, height, width), elements=bodies))
        worlds.colour = draw(arrays(np.int8, (num_worlds, NUM_BODIES), elements=st.integers(0, 10)))
        states.append(worlds)
    return states[0], states[1]


@settings(max_examples=300, deadline=None)
@given(pairs_of_states())
def test_edits_lead_from_any_state_to_any_other(pair: tuple[Worlds, Worlds]):
    before, after = pair
    kept = before.copy()
    streams = edits.encode(before, after)
    assert [stream.dtype for stream in streams] == [np.dtype(np.int16)] * len(before)
    rebuilt = edits.apply(before, streams)
    np.testing.assert_array_equal(rebuilt.owner, after.owner)
    np.testing.assert_array_equal(rebuilt.colour, after.colour)
    np.testing.assert_array_equal(before.owner, kept.owner)
    np.testing.assert_array_equal(before.colour, kept.colour)


@settings(max_examples=50, deadline=None)
@given(pairs_of_states())
def test_where_nothing_changes_there_is_nothing_to_tell(pair: tuple[Worlds, Worlds]):
    assert all(len(stream) == 0 for stream in edits.encode(pair[0], pair[0]))
    for stream, b in zip(edits.encode(*pair), range(len(pair[0])), strict=True):
        owners_differ = (pair[0].owner[b] != pair[1].owner[b]).any()
        colours_differ = (pair[0].colour[b] != pair[1].colour[b]).any()
        assert (len(stream) > 0) == bool(owners_differ or colours_differ)


def test_every_transition_of_drawn_worlds_is_told_by_moves_alone():
    num_moves = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(1, 9, 2)
        worlds = draw_worlds(rng, 4, int(height), int(width), 3)
        for _ in range(4):
            before = worlds.copy()
            moved = push(worlds, draw_actions(rng, worlds))
            streams = edits.encode(before, worlds)
            assert_leads_to(before, streams, worlds)
            for b, stream in enumerate(streams):
                steps = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
                expected = [(Edit.MOVE, (body, *steps[moved[b, body]])) for body in np.flatnonzero(moved[b]).tolist()]
                assert edits.parse(stream) == expected
                num_moves += len(expected)
    assert num_moves > 200


@pytest.mark.parametrize("name", scenarios.names())
def test_every_transition_of_random_play_is_told_exactly(name: str):
    scenario = scenarios.get(name)
    rng = np.random.default_rng(5)
    worlds = scenario.generate(np.arange(60), "train")
    num_attributes = len(scenario.attributes)
    for _ in range(scenario.num_steps):
        before = worlds.copy()
        answers = np.zeros((*worlds.role.shape, num_attributes), np.int16)
        scenario.advance(worlds, draw_actions(rng, worlds), answers)
        after = assert_leads_to(before, edits.encode(before, worlds), worlds)
        np.testing.assert_array_equal(after.position_rc, worlds.position_rc)


def assert_leads_to(before: Worlds, streams: list[np.ndarray], after: Worlds) -> Worlds:
    rebuilt = edits.apply(before, streams)
    np.testing.assert_array_equal(rebuilt.owner, after.owner)
    np.testing.assert_array_equal(rebuilt.colour, after.colour)
    return rebuilt


def small_world() -> Worlds:
    """Body 2 (blue) in the upper left corner of 3 x 4 cells, body 3 (a boxling) at the right edge."""
    worlds = empty_worlds(1, 3, 4, 2, 1, 1)
    worlds.owner[0, 0, :2], worlds.owner[0, 1, 3] = 2, 3
    worlds.colour[0, 2:] = [1, 10]
    worlds.agent_body[0, 0], worlds.position_rc[0, 0] = 3, (1, 3)
    return worlds


def test_edits_read_as_sentences():
    stream = [Edit.MOVE, 2, 1, 2, Edit.PAINT, 2, 3, Edit.SET, 2, 0, 1, Edit.SET, 0, 3, 0, Edit.MOVE, 3, -1, 0]
    assert edits.describe(np.array(stream), small_world().colour[0]) == [
        "blue box moves 1 down and 2 right",
        "blue box turns green",
        "row 3, column 1 becomes the walls",
        "row 1, column 4 becomes empty",
        "boxling moves 1 up",
    ]


def test_bodies_that_change_places_are_lifted_before_any_is_put_down():
    worlds = small_world()
    after = edits.apply(worlds, [[Edit.MOVE, 2, 1, 2, Edit.MOVE, 3, -1, -3]])
    assert after.owner[0].tolist() == [[3, 0, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]]
    assert after.position_rc[0, 0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ([7], "edit token 0 must be an operation .* got 7"),
        ([Edit.PAINT, 2, 3, 0, 1], "edit token 3 must be an operation .* got 0"),
        ([Edit.MOVE, 2, 1], "MOVE at token 0 needs 3 arguments, got 2"),
        ([Edit.PAINT, 2, 3, Edit.SET], "SET at token 3 needs 3 arguments, got 0"),
        ([Edit.PAINT, 2], "PAINT at token 0 needs 2 arguments, got 1"),
    ],
)
def test_a_stream_that_cannot_be_read_is_refused_by_its_token(stream: list[int], told: str):
    with pytest.raises(ValueError, match=told):
        edits.parse(np.array(stream, np.int16))
    with pytest.raises(ValueError, match=told):
        edits.apply(small_world(), [np.array(stream, np.int16)])


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        ([Edit.MOVE, 2, -1, 0], r"MOVE must keep body 2 within 3 x 4 cells, got a move by \(-1, 0\)"),
        ([Edit.MOVE, 2, 0, -1], "MOVE must keep body 2"),
        ([Edit.MOVE, 2, 3, 0], "MOVE must keep body 2"),
        ([Edit.MOVE, 2, 0, 3], "MOVE must keep body 2"),
        ([Edit.MOVE, 3, 0, 1], "MOVE must keep body 3"),
        ([Edit.MOVE, 0, 0, 1], r"MOVE must name a body in \[1, 3\], got 0"),
        ([Edit.MOVE, 4, 0, 1], r"MOVE must name a body in \[1, 3\], got 4"),
        ([Edit.PAINT, 2, 11], r"PAINT must name a colour in \[0, 10\], got 11"),
        ([Edit.PAINT, 2, -1], r"PAINT must name a colour in \[0, 10\], got -1"),
        ([Edit.PAINT, -1, 1], r"PAINT must name a body in \[0, 3\], got -1"),
        ([Edit.SET, 0, 0, 4], r"SET must name a body in \[0, 3\], got 4"),
        ([Edit.SET, 3, 0, 1], r"SET must name a cell of 3 x 4, got \(3, 0\)"),
        ([Edit.SET, 0, -1, 1], r"SET must name a cell of 3 x 4, got \(0, -1\)"),
    ],
)
def test_edits_that_point_outside_the_world_are_refused_and_change_nothing(stream: list[int], told: str):
    worlds = small_world()
    before = worlds.copy()
    with pytest.raises(ValueError, match=told):
        edits.apply(worlds, [stream])
    np.testing.assert_array_equal(worlds.owner, before.owner)
    np.testing.assert_array_equal(worlds.colour, before.colour)


def test_states_of_different_sizes_and_missing_streams_are_refused():
    worlds = small_world()
    with pytest.raises(ValueError, match=r"one size, got cells \(1, 3, 4\) and \(1, 4, 3\)"):
        edits.encode(worlds, empty_worlds(1, 4, 3, 2, 1, 1))
    with pytest.raises(ValueError, match="one stream of edits for each of 1 worlds, got 2"):
        edits.apply(worlds, [[], []])
