"""What a picture and the wanted output have in common: by hand, in plain Python, and over all demonstrations."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tests.world.drawn_grids import draw_grid
from tests.world.puzzles.plain_puzzles import checked, plain_modules
from world.puzzles.compare import NUM_COMPARED, NUM_SUMMARY, compare, summary_of

SHAPES = [(1, 1), (1, 93), (93, 1), (2, 100), (9, 11), (3, 3)]


def compared(picture: np.ndarray, output: np.ndarray) -> np.ndarray:
    made = np.full(NUM_COMPARED, 77, np.float32)
    compare(picture.ravel().copy(), *picture.shape, output.ravel().copy(), *output.shape, made)
    return made


@pytest.fixture(scope="module")
def plain() -> ModuleType:
    return plain_modules("features", "compare")[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_it_stays_within_its_arrays_and_equals_plain_python(plain: ModuleType, shape: tuple[int, int]):
    rng = np.random.default_rng(1)
    for other in SHAPES:
        for share in (0.1, 1.0):
            picture, output = (
                np.where(rng.random(one) < share, rng.integers(0, 4, one), 0).astype(np.uint8) for one in (shape, other)
            )
            made = checked(np.full(NUM_COMPARED, 77, np.float32))
            plain.compare(
                checked(picture.ravel().copy()), *shape, checked(output.ravel().copy()), *other, made
            )  # fmt: skip
            assert np.allclose(np.asarray(made), compared(picture, output), rtol=1e-5, atol=1e-6)


def test_all_demonstrations_give_the_mean_the_least_and_the_most():
    rng = np.random.default_rng(2)
    pairs = [(draw_grid(rng, 9), draw_grid(rng, 9)) for _ in range(5)]
    single = np.array([compared(picture, output) for picture, output in pairs])
    made = summary_of([picture for picture, _ in pairs], [output for _, output in pairs])
    assert made.shape == (NUM_SUMMARY,)
    wanted = np.concatenate([single.mean(axis=0), single.min(axis=0), single.max(axis=0)])
    assert np.allclose(made, wanted, rtol=1e-5, atol=1e-6)


def test_what_is_done_is_told():
    """One mark each: as it is, mirrored, twice as tall, cut out, poured down."""
    picture = np.array([[1, 0, 2], [0, 3, 0]], np.uint8)
    same, mirrored = compared(picture, picture), compared(picture, picture[:, ::-1].copy())
    assert same[48] == 1 > mirrored[48]
    assert mirrored[50] == 1 > same[50]
    tall = compared(picture, np.tile(picture, (2, 1)))
    assert (tall[0], tall[1], tall[5]) == (0, 1, 1)
    assert tall[93] == 1
    cut = compared(picture, picture[:, 1:].copy())
    assert (cut[84], cut[86]) == (1, np.float32(1 / 3))
    poured = compared(picture, np.array([[0, 0, 0], [1, 3, 2]], np.uint8))
    assert poured[72] == 1 > poured[71]
    assert poured[81] > 0
    assert poured[34] == 1


def test_numbers_are_shares_or_nearly():
    rng = np.random.default_rng(3)
    for _ in range(200):
        made = compared(draw_grid(rng, 20), draw_grid(rng, 20))
        assert np.isfinite(made).all()
        assert (np.abs(made) <= 1).all()
