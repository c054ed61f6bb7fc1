"""A recording loses nothing: colours, whose cells are whose, and the floor; and nonsense is refused by name."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.world.drawn_arenas import draw_acts, draw_arena
from tests.world.drawn_worlds import draw_actions
from world import scenarios
from world.codec import GridEdit, Operation, join, parse
from world.engine import tick
from world.recording import Scene, changes_in_words, record, replay, scene_of


@st.composite
def pairs_of_scenes(draw: st.DrawFn) -> tuple[Scene, Scene]:
    """Two scenes of one size that need have nothing to do with each other; the bodies of each have one colour."""
    size = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    floor = draw(arrays(np.uint8, size, elements=st.integers(0, 9)))
    colours = np.array([0, 5, *(1 + k % 10 for k in range(62))], np.uint8)
    scenes = []
    for _ in range(2):
        body = draw(arrays(np.uint8, size, elements=st.sampled_from([0, 0, 1, 2, 3, 4, 31, 32, 33, 40, 63])))
        scenes.append(Scene(colours[body], body, floor))
    return scenes[0], scenes[1]


@settings(max_examples=300, deadline=None)
@given(pairs_of_scenes())
def test_a_recording_leads_from_any_scene_to_any_other(pair: tuple[Scene, Scene]):
    before, after = pair
    tokens, bodies = record(before, after)
    assert replay(before, tokens, bodies) == after
    tokens, bodies = record(after, after)
    assert tokens.tolist() == [Operation.END]
    assert len(bodies) == 0


def test_every_tick_under_every_law_is_recorded_and_pushes_need_no_word_about_bodies():
    num_moves, num_corrected = 0, 0
    for seed in range(250):
        chance = Random(seed)
        arena = draw_arena(chance, num_worlds=3)
        if max(arena.height_cells, arena.width_cells) > 30:
            continue
        floor = np.zeros((arena.height_cells, arena.width_cells), np.uint8)
        for _ in range(4):
            before = [Scene(*pair, floor) for pair in zip(arena.picture(), arena.grid(), strict=True)]
            tick(arena, draw_acts(chance, arena))
            after = [Scene(*pair, floor) for pair in zip(arena.picture(), arena.grid(), strict=True)]
            for one, other, laws in zip(before, after, arena.laws, strict=True):
                tokens, bodies = record(one, other)
                assert replay(one, tokens, bodies) == other
                is_move = {edit.operation for edit in parse(tokens)} <= {Operation.MOVE, Operation.END}
                num_colours = len({int(one.look[one.body == body][0]) for body in np.unique(one.body)})
                is_plain = num_colours == len(np.unique(one.body)) and bool(one.look[one.body > 0].all())
                if is_move and is_plain and not laws[4:].any():
                    assert len(bodies) == 0
                    num_moves += len(tokens) > 1
                num_corrected += len(bodies) > 0
    assert num_moves > 30
    assert num_corrected > 10


@pytest.mark.parametrize("name", scenarios.names())
def test_every_step_of_random_play_is_recorded_exactly(name: str):
    scenario = scenarios.get(name)
    rng = np.random.default_rng(5)
    worlds = scenario.generate(np.arange(30), "train")
    answers = np.zeros((*worlds.role.shape, scenario.num_attributes), np.int16)
    num_changes = 0
    for _ in range(scenario.num_steps):
        before = [scene_of(worlds, b) for b in range(len(worlds))]
        scenario.advance(worlds, draw_actions(rng, worlds), answers)
        for b, scene in enumerate(before):
            tokens, bodies = record(scene, scene_of(worlds, b))
            assert replay(scene, tokens, bodies) == scene_of(worlds, b)
            num_changes += len(tokens) > 1
    assert num_changes > 50 or scenario.is_decided_by_answers


def small_scene() -> Scene:
    """Body 2 (blue) in the upper left corner of 3 x 4 cells, body 3 (a boxling) at the right edge, a wall between."""
    body = np.array([[2, 2, 0, 0], [0, 1, 0, 3], [0, 0, 0, 0]], np.uint8)
    return Scene(np.array([0, 5, 1, 10], np.uint8)[body], body, np.zeros_like(body))


def code(*edits: tuple) -> np.ndarray:
    return join([GridEdit(operation, arguments) for operation, *arguments in edits])


def scene_with(bodies: list[list[int]], looks: list[int]) -> Scene:
    body = np.array(bodies, np.uint8)
    return Scene(np.array(looks, np.uint8)[body], body, np.zeros_like(body))


def test_changes_read_as_sentences_and_agents_that_walk_go_without_saying():
    before = small_scene()
    after = scene_with([[0, 0, 0, 3], [0, 0, 2, 2], [4, 0, 0, 0]], [0, 5, 1, 10, 3])
    assert changes_in_words(before, after) == [
        "the walls vanish",
        "blue box moves 1 down and 2 right",
        "boxling moves 1 up",
        "green box appears",
    ]
    assert "boxling moves 1 up" not in changes_in_words(before, after, {3})
    assert changes_in_words(before, before) == []
    painted = scene_with([[2, 2, 0, 0], [0, 1, 0, 3], [0, 0, 0, 0]], [0, 5, 2, 10])
    assert changes_in_words(before, painted, {3}) == ["blue box turns red"]
    turned = scene_with([[2, 0, 0, 0], [2, 1, 0, 3], [0, 0, 0, 3]], [0, 5, 1, 10])
    assert changes_in_words(before, turned, {3}) == ["blue box changes its shape", "boxling grows to 2 cells"]
    eaten = scene_with([[2, 2, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]], [0, 5, 1, 10])
    assert changes_in_words(before, eaten, {3}) == ["boxling vanishes"]


@pytest.mark.parametrize(
    ("tokens", "bodies", "told"),
    [
        (code((Operation.MOVE, 2, 2, 2)), [[12, 2]], "cells below 12 and numbers below 256, got 2 in cell 12"),
        (code((Operation.MOVE, 2, 2, 2)), [[-1, 2]], "got 2 in cell -1"),
        (code((Operation.MOVE, 2, 2, 2)), [[0, 256]], "got 256 in cell 0"),
        (code((Operation.MOVE, 2, 0, 3)), [], "goes beyond the grid of 3 x 4 cells"),
        (code((Operation.SIZE, 2, 2)), [], r"must keep the size \(3, 4\), got \(2, 2\)"),
        ([1, 2], [], "token 1 must be the height of SIZE"),
    ],
)
def test_steps_that_lead_nowhere_are_refused(tokens: np.ndarray, bodies: list, told: str):
    with pytest.raises(ValueError, match=told):
        replay(small_scene(), tokens, np.array(bodies))


def test_bodies_do_not_follow_edits_of_a_window_in_which_places_are_others():
    scene = small_scene()
    # the window begins in column 1, so that only there the blue one can go three columns to the right
    tokens = code((Operation.CROP, 0, 1, 3, 3), (Operation.SIZE, 3, 4), (Operation.MOVE, 2, 0, 3))
    after = replay(scene, tokens, np.array([3, 2, 4, 1, 6, 3]))
    assert after.look.tolist() == [[0, 0, 0, 1], [5, 0, 10, 0], [0, 0, 0, 0]]
    assert after.body.tolist() == [[0, 0, 0, 2], [1, 0, 3, 0], [0, 0, 0, 0]]


def test_scenes_of_different_sizes_are_refused():
    scene = small_scene()
    other = Scene(scene.look.T, scene.body.T, scene.floor.T)
    with pytest.raises(ValueError, match=r"two scenes of one size, got \(3, 4\) and \(4, 3\)"):
        record(scene, other)
