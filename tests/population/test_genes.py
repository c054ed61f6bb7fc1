"""Genes: values that are inherited, varied without drift, and never leave their bounds unnoticed."""

from __future__ import annotations

import numpy as np
import pytest

from population.genes import GENES, HIGH, LOW, NAMES, column, cross, founders, vary

VALUES = {"learning_rate": 3e-3, "entropy_bonus": 0.01, "temperature": 0.5, "mutation_step": 0.02}
OFF = VALUES | {"entropy_bonus": 0.0}


def test_founders_have_the_values_of_the_run_by_name():
    genes = founders(VALUES, 3)
    assert genes.dtype == np.float64
    assert genes.shape == (3, len(GENES))
    for name, value in VALUES.items():
        assert column(genes, name).tolist() == [value] * 3
    column(genes, "temperature")[:] = 9.0
    assert (genes == founders(VALUES, 3)).all()  # what is given out is a copy


def test_values_drift_in_no_direction_by_steps_of_the_asked_size():
    genes = founders(VALUES, 4000)
    varied, num_clipped = vary(genes, 0.2, np.random.default_rng(0))
    assert not num_clipped.any()
    moves = np.log(varied / genes)
    assert (abs(moves.mean(axis=0)) < 4 * 0.2 / 4000**0.5).all()
    np.testing.assert_allclose(moves.std(axis=0), 0.2, rtol=0.05)
    assert (abs(np.corrcoef(moves.T) - np.eye(len(GENES))) < 0.1).all()
    assert (genes == founders(VALUES, 4000)).all()


def test_each_gene_may_have_a_step_of_its_own():
    steps = np.array([0.0, 0.1, 0.0, 0.4])
    moves = np.log(vary(founders(VALUES, 2000), steps, np.random.default_rng(0))[0] / founders(VALUES, 2000))
    np.testing.assert_allclose(moves.std(axis=0), steps, rtol=0.1)


def test_values_stay_within_bounds_and_what_is_clipped_is_counted():
    genes = founders(VALUES, 500)
    total = np.zeros(len(GENES), np.int64)
    rng = np.random.default_rng(0)
    for _ in range(20):
        genes, num_clipped = vary(genes, 2.0, rng)
        assert ((genes >= LOW) & (genes <= HIGH)).all()
        # whoever lies on a bound was put there: chance hits none
        assert (num_clipped == ((genes == LOW) | (genes == HIGH)).sum(axis=0)).all()
        total += num_clipped
    assert (total > 0).all()


def test_what_is_switched_off_stays_off_in_all_descendants():
    genes, rng = founders(OFF, 50), np.random.default_rng(0)
    for kind in ("mean", "parent"):
        for _ in range(10):
            genes, num_clipped = vary(genes, 3.0, rng)
            assert num_clipped[NAMES.index("entropy_bonus")] == 0
            genes = cross(genes, genes[::-1].copy(), kind, rng)
        assert not column(genes, "entropy_bonus").any()
        assert (np.delete(genes, NAMES.index("entropy_bonus"), axis=1) > 0).all()


def test_a_step_of_nothing_changes_nothing():
    genes = founders(OFF, 3)
    varied, num_clipped = vary(genes, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(varied, genes)
    assert not num_clipped.any()


def test_genes_of_a_child_are_the_mean_of_logarithms_or_those_of_one_parent():
    rng = np.random.default_rng(0)
    mothers, fathers = (vary(founders(VALUES, 300), 0.5, rng)[0] for _ in range(2))
    middle = cross(mothers, fathers, "mean", rng)
    np.testing.assert_allclose(np.log(middle), (np.log(mothers) + np.log(fathers)) / 2)
    either = cross(mothers, fathers, "parent", rng)
    is_mothers = either == mothers
    assert (is_mothers | (either == fathers)).all()
    assert (abs(is_mothers.mean(axis=0) - 0.5) < 4 * 0.5 / 300**0.5).all()
    for kind in ("mean", "parent"):
        np.testing.assert_array_equal(cross(mothers, mothers.copy(), kind, rng), mothers)


def test_chance_comes_from_the_stream_alone():
    genes = founders(VALUES, 5)

    def child(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return cross(vary(genes, 0.2, rng)[0], vary(genes, 0.2, rng)[0], "parent", rng)

    assert child(1).tobytes() == child(1).tobytes()
    assert (child(1) != child(2)).any()


@pytest.mark.parametrize("population", [0, 1])
def test_there_may_be_one_birth_or_none(population: int):
    genes, num_clipped = vary(founders(VALUES, population), 0.2, np.random.default_rng(0))
    assert genes.shape == (population, len(GENES))
    assert num_clipped.tolist() == [0] * len(GENES)
    for kind in ("mean", "parent"):
        assert cross(genes, genes.copy(), kind, np.random.default_rng(0)).shape == genes.shape


def test_what_does_not_fit_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"learning_rate must be in \[1e-05, 0.1\] or 0 .* got 5"):
        founders(VALUES | {"learning_rate": 5.0}, 2)
    with pytest.raises(ValueError, match=r"temperature must be in \[0.05, 20.0\] to be .* got 0"):
        founders(VALUES | {"temperature": 0.0}, 2)
    with pytest.raises(ValueError, match=r"genes must have values for learning_rate, .* got temperature"):
        founders({"temperature": 1.0}, 2)
    with pytest.raises(ValueError, match="step must be finite and at least 0, got -1"):
        vary(founders(VALUES, 2), -1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"genes must have shape \(n, 4\), got \(3,\)"):
        vary(np.ones(3), 0.1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"genes of mothers must have shape \(2, 4\), got \(3, 4\)"):
        cross(founders(VALUES, 3), founders(VALUES, 2), "mean", np.random.default_rng(0))
    with pytest.raises(ValueError, match="crossover of genes must be one of mean, parent, got 'sum'"):
        cross(founders(VALUES, 2), founders(VALUES, 2), "sum", np.random.default_rng(0))
