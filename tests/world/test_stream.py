"""A stream of worlds does what its parts do one after the other, whatever the threads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from world.engine import NUM_ACTS, Act, Eating, law_book, tick, views
from world.scatter import Scatter, scatter
from world.stream import Stream

LAWS = law_book(gravity=Act.DOWN, eating=Eating.JOIN, pulling=1)
SMALL = Scatter(9, 11, num_bodies=5, num_agents=3)
B, T, STEPS = 150, 12, 5


def draw_acts(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, NUM_ACTS, (T, B, SMALL.num_agents))


@pytest.mark.parametrize("num_threads", [1, 2, 3])
def test_a_stream_ticks_replaces_and_looks(num_threads: int):
    stream = Stream(B, SMALL, LAWS, num_steps=STEPS, view_radius_cells=2, num_threads=num_threads)
    numbers = np.arange(B)
    arena = scatter(numbers, SMALL, LAWS)
    assert np.array_equal(stream.view, views(arena, 2))
    for t, acts in enumerate(draw_acts(), start=1):
        view = stream.step(acts)
        tick(arena, acts)
        if t % STEPS == 0:
            numbers = numbers + B
            arena = scatter(numbers, SMALL, LAWS)
        assert np.array_equal(stream.is_new, np.full(B, t % STEPS == 0))
        assert np.array_equal(stream.numbers, numbers)
        assert np.array_equal(view, views(arena, 2))
        for name in ("owner", "look", "next_cell", "first_cell", "size", "colour", "flags", "agent_body", "agent_cell"):
            assert np.array_equal(getattr(stream.arena, name), getattr(arena, name)), (t, name)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Stream(0, SMALL, LAWS), "num_worlds must be a whole number >= 1, got 0"),
        (lambda: Stream(1, SMALL, LAWS, num_steps=0), "num_steps must be a whole number >= 1, got 0"),
        (lambda: Stream(1, SMALL, LAWS, num_threads=0), "num_threads must be a whole number >= 1, got 0"),
        (
            lambda: Stream(1, SMALL, LAWS, view_radius_cells=4),
            r"view_radius_cells must be in \[0, 3\], the margin, got 4",
        ),
        (lambda: Stream(2, SMALL, LAWS).step(np.zeros((1, 3), int)), r"acts must have shape \(2, 3\), got \(1, 3\)"),
        (lambda: Stream(1, SMALL, LAWS).step(np.array([[0, 9, 0]])), r"acts\[0, 1\] must be in \[0, 8\], got 9"),
    ],
)
def test_what_makes_no_stream_is_refused(make: Callable[[], object], told: str):
    with pytest.raises(ValueError, match=told):
        make()
