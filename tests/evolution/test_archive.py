"""The archive of elites: who gets in, who is thrown out, and what of it survives a restart."""

from __future__ import annotations

import numpy as np
import pytest

from evolution.archive import NOBODY, Archive, behaviour_of
from evolution.config import SelectionConfig
from evolution.select import Judged, Selection


def heritage(slots: np.ndarray) -> dict[str, np.ndarray]:
    return {"genomes": np.repeat(slots[:, None], 3, axis=1).astype(np.float32), "num_updates": 10.0 * slots}


def offered(fitness: list[float], places: list[tuple[float, float]], archive: Archive | None = None) -> Archive:
    archive = archive or Archive(4)
    archive.offer(np.array(fitness), np.array(places), np.arange(len(fitness)) + 100, heritage)
    return archive


# ---- behaviour ----


def test_behaviour_is_how_varied_words_and_acts_are():
    said = np.array([[0, 0, 0, 0], [7, 0, 0, 0], [3, 3, 0, 0], [2, 2, 2, 2]])
    acts = np.array([[9, 0, 0], [4, 4, 4], [0, 5, 5], [0, 0, 0]])
    expected = [[0, 0], [0, 1], [1 / 3, 1 / 2], [1, 0]]
    np.testing.assert_allclose(behaviour_of(said, acts), expected, atol=1e-12)
    np.testing.assert_allclose(behaviour_of(np.ones((1, 1), int), np.ones((1, 5), int)), [[0, 1]])


def test_what_symbols_are_called_makes_no_difference_to_behaviour():
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 20, size=(30, 12))
    place = behaviour_of(counts, counts)
    assert ((place >= 0) & (place <= 1)).all()
    assert place[:, 0].std() > 0
    np.testing.assert_allclose(behaviour_of(counts[:, rng.permutation(12)], counts), place, atol=1e-12)


# ---- who is in ----


def test_cells_tile_the_map_with_its_edges():
    archive = Archive(4)
    places = np.array([[0, 0], [0.24, 0.26], [0.25, 0], [1, 1], [0.99, 0.5]])
    assert archive.cell_of(places).tolist() == [0, 1, 4, 15, 14]
    every = np.array([[i / 4, j / 4] for i in range(4) for j in range(4)])
    assert archive.cell_of(every).tolist() == list(range(16))


def test_each_cell_keeps_the_fittest_of_all_that_were_offered():
    rng = np.random.default_rng(0)
    archive, best = Archive(4), {}
    for generation in range(20):
        fitness, places = rng.normal(size=50), rng.random((50, 2)) ** 2
        fitness[rng.random(50) < 0.2] = np.nan
        ids = np.arange(50) + 50 * generation
        archive.offer(fitness, places, ids, lambda slots, ids=ids: {"genomes": ids[slots]})
        for value, place, boxling in zip(fitness, places, ids, strict=True):
            cell = int(place[0] * 4) * 4 + int(place[1] * 4)
            if value == value and value > best.get(cell, (-np.inf, 0))[0]:
                best[cell] = (value, boxling)
    assert len(best) > 10
    assert archive.filled.tolist() == sorted(best)
    for cell, (value, boxling) in best.items():
        assert archive.fitness[cell] == value
        assert archive.boxling[cell] == archive.rows[cell]["genomes"] == boxling
    assert archive.measures()["archive_cells_filled"] == len(best)
    assert archive.measures()["archive_fitness_mean"] == pytest.approx(np.mean([value for value, _ in best.values()]))


def test_an_equal_does_not_throw_out_who_is_there_and_no_number_never_gets_in():
    archive = offered([1.0, np.nan, np.inf], [(0, 0), (0.5, 0), (0.9, 0)])
    assert archive.filled.tolist() == [0]
    offered([np.nan, 1.0], [(0, 0), (0, 0)], archive)
    assert archive.boxling[0] == 100
    offered([1.0, 1.5], [(0, 0), (0, 0)], archive)
    assert archive.boxling[0] == 101
    assert archive.rows[0]["num_updates"] == 10.0
    empty = Archive(2)
    assert empty.boxling.tolist() == [NOBODY] * 4
    assert np.isnan(empty.measures()["archive_fitness_mean"])


def test_an_elite_is_a_copy_that_later_learning_does_not_change():
    genomes = np.zeros((2, 3), np.float32)
    archive = Archive(4)
    archive.offer(np.ones(2), np.zeros((2, 2)), np.arange(2), lambda _: {"genomes": genomes})
    genomes += 1
    assert not archive.rows[0]["genomes"].any()


# ---- selection by it ----


def selected(
    selection: Selection, fitness: list[float], places: list[tuple[float, float]], first_id: int = 1, seed: int = 0
) -> list[tuple[int, int | None, int | None]]:
    population = len(fitness)
    selection.tell(
        Judged(
            np.array(fitness), np.full(population, 5), np.zeros(population, bool), np.array(places),
            np.arange(population) + first_id, heritage,
        )
    )  # fmt: skip
    return [(each.slot, each.parent, each.other_parent) for each in selection.ask(np.random.default_rng(seed), 0.0)]


def test_the_worst_who_are_no_elites_go_first_and_elites_only_where_others_are_too_few():
    config = SelectionConfig(strategy="map-elites", archive_cells=4, eliminated_share=0.5)
    fitness, places = [0.1, 0.9, 0.8, 0.7, 0.2, 0.6], [(0, 0), (0.5, 0), (0.5, 0), (0.5, 0), (0.9, 0), (0.9, 0)]
    assert sorted(slot for slot, *_ in selected(Selection(config), fitness, places)) == [2, 3, 4]  # elites: 0, 1, 5
    corners = [(row / 4, column / 4) for row in range(2) for column in range(3)]
    assert sorted(slot for slot, *_ in selected(Selection(config), fitness, corners)) == [0, 4, 5]


def test_parents_are_drawn_evenly_among_cells_even_of_the_dead():
    selection = Selection(SelectionConfig(strategy="map-elites", archive_cells=4, eliminated_share=0.5))
    selected(selection, [9.0, 0.0], [(0.9, 0.9), (0, 0)])
    counts: dict[int | None, int] = {}
    for seed in range(600):
        for _, parent, other in selected(selection, [0.5, 0.4], [(0.5, 0), (0.5, 0)], first_id=3, seed=seed):
            assert parent != other
            counts[parent] = counts.get(parent, 0) + 1
    assert set(counts) == {0, 8, 15}
    assert all(abs(count - 200) < 5 * np.sqrt(200 * 2 / 3) for count in counts.values())


def test_where_nobody_has_a_fitness_any_more_the_archive_has_children():
    selection = Selection(SelectionConfig(strategy="map-elites", archive_cells=4))
    selected(selection, [0.5, 0.4], [(0.5, 0), (0, 0)])
    replacements = selected(selection, [np.nan, np.nan], [(0, 0), (0, 0)], first_id=3)
    assert [slot for slot, *_ in replacements] == [0, 1]
    assert {parent for _, parent, _ in replacements} <= {0, 8}


def test_a_restored_archive_is_the_same_and_goes_on_the_same_way():
    config = SelectionConfig(strategy="map-elites", archive_cells=4, eliminated_share=0.5)
    rng = np.random.default_rng(0)
    selection, restored = Selection(config), Selection(config)
    restored.restore({name: array.copy() for name, array in selection.state().items()})  # an empty one
    for generation in range(6):
        fitness, places = rng.normal(size=8).tolist(), rng.random((8, 2)).tolist()
        one, other = (selected(each, fitness, places, 8 * generation, generation) for each in (selection, restored))
        assert one == other
        state = {name: array.copy() for name, array in selection.state().items()}
        assert {"archive.cell", "archive.inherited.genomes", "archive.inherited.num_updates"} < set(state)
        restored = Selection(config)
        restored.restore(state | {"genomes": np.zeros(3)})
        assert state.keys() == restored.state().keys()
        for name, array in restored.state().items():
            np.testing.assert_array_equal(array, state[name])
            assert array.dtype == state[name].dtype
    assert Selection(SelectionConfig()).state() == Selection(SelectionConfig()).measures() == {}
