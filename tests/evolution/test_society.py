"""A society: who lives, dies and is born; each switch on and off; twins; and a life that goes on after a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.config import LearningConfig, RunConfig
from evolution.society import LANGUAGE_PARTS, Ancestors, Society, fading, filled_config
from population.lineage import NO_MOTHER, ORIGINS
from tests.evolution.conftest import tiny
from world import scenarios

OFF = LearningConfig(fine_tuning=False, founder_rounds=0)


@dataclass
class Year:
    """What was true at the end of a generation."""

    ids: list[int]
    mothers: list[int]
    genomes: Tensor
    moments: Tensor
    rows: list[dict[str, Any]]
    measures: dict[str, float]


def years_of(config: RunConfig, num_years: int | None = None, **options: Any) -> tuple[Society, list[Year]]:
    """A society and its state at birth and after each generation."""
    society = Society(config, **options)

    def year() -> Year:
        return Year(
            [boxling.unique_id for boxling in society.slots],
            [boxling.mother for boxling in society.slots],
            society.genomes.clone(),
            society.optimiser.mean.clone(),
            [dict(row) for row in society.boxling_rows],
            dict(society.measures),
        )

    years = [year()]
    for _ in range(int(config.generations or 0) if num_years is None else num_years):
        society.step()
        years.append(year())
    return society, years


@pytest.fixture(scope="module", params=scenarios.names())
def history(request: pytest.FixtureRequest) -> tuple[Society, list[Year]]:
    """Five generations in which one in four dies, half of the children newborns."""
    selection = {"eliminated_share": 0.5, "protected_generations": 0, "newborns_until": 1.0}
    return years_of(tiny(request.param, generations=5, selection=selection))


def assert_equal_societies(one: Society, other: Society) -> None:
    for name, array in (one.tensors() | one.state()).items():
        np.testing.assert_array_equal(array, (other.tensors() | other.state())[name], err_msg=name)


# ---- mesa ----


def test_one_step_is_one_generation_and_the_population_stays_as_large(history: tuple[Society, list[Year]]):
    society, years = history
    assert society.generation == society.steps == len(years) - 1 == 5
    assert len(society.agents) == len(society.slots) == 4
    assert set(society.agents) == set(society.slots)
    assert [boxling.slot for boxling in society.slots] == [0, 1, 2, 3]
    assert sorted(society.agents.get("unique_id")) == sorted(years[-1].ids)


# ---- lineage ----


def test_ids_are_never_reused(history: tuple[Society, list[Year]]):
    society, years = history
    rows = [row for year in years for row in year.rows]
    births = {(row["boxling"], row["slot"], row["mother"], row["birth_generation"], row["origin"]) for row in rows}
    assert len(births) == len({row["boxling"] for row in rows})
    ever = sorted({i for year in years for i in year.ids})
    assert ever == list(range(1, society.next_id))  # every id was somebody's, and only once
    assert len(ever) > 6


def test_mothers_lived_when_their_children_were_born_and_did_not_make_place(history: tuple[Society, list[Year]]):
    _, years = history
    children = {row["boxling"]: row for year in years for row in year.rows}
    num_children = 0
    for row in children.values():
        if row["origin"] == "founder":
            assert row["mother"] == NO_MOTHER
            assert row["birth_generation"] == 0
            continue
        before = {old["boxling"]: old for old in years[row["birth_generation"]].rows}
        assert not before[row["mother"]]["is_eliminated"]
        assert row["boxling"] not in before
        num_children += 1
    assert num_children > 3


def test_the_eliminated_are_gone_and_all_others_stay(history: tuple[Society, list[Year]]):
    _, years = history
    num_dead = 0
    for before, after in pairwise(years[1:]):
        dead = {row["boxling"] for row in before.rows if row["is_eliminated"]}
        alive = {row["boxling"] for row in before.rows if not row["is_eliminated"]}
        now = {row["boxling"] for row in after.rows}
        assert not dead & now
        assert alive <= now
        assert before.measures["eliminated"] == len(dead) == 2
        assert before.measures["newborns"] == sum(
            row["origin"] == "newborn" for row in after.rows if row["boxling"] not in alive
        )
        num_dead += len(dead)
    assert num_dead > 3


def test_the_worst_are_eliminated(history: tuple[Society, list[Year]]):
    _, years = history
    for year in years[1:]:
        dead = [row["fitness"] for row in year.rows if row["is_eliminated"]]
        alive = [row["fitness"] for row in year.rows if not row["is_eliminated"]]
        assert max(dead) <= min(alive)


def test_fitness_is_half_that_of_the_guide_and_half_that_of_the_builder(history: tuple[Society, list[Year]]):
    society, years = history
    for year in years[1:]:
        for row in year.rows:
            if society.scenario.has_guide:
                assert row["fitness"] == pytest.approx((row["as_guide"] + row["as_builder"]) / 2)
            else:
                assert row["fitness"] == pytest.approx(row["as_builder"])
                assert np.isnan(row["as_guide"])
            assert row["origin"] in ORIGINS
            assert -1 <= row["fitness"] <= 1
        fitness = [row["fitness"] for row in year.rows]
        assert year.measures["fitness_mean"] == pytest.approx(np.mean(fitness))
        assert (year.measures["fitness_best"], year.measures["fitness_worst"]) == (max(fitness), min(fitness))
    assert society.scenario.name in scenarios.names()


def test_vision_goes_to_the_visual_expert_alone_in_every_generation(history: tuple[Society, list[Year]]):
    society, years = history
    for year in years[1:]:
        shares = {name: value for name, value in year.measures.items() if name.startswith("expert_use/")}
        if society.scenario.view_shape == (1, 1):  # there is nothing to see, so the visual expert never runs
            assert not any("vision" in name or share for name, share in shares.items() if "visual" in name)
            assert year.measures["visual_calls"] == 0
            continue
        assert shares.pop("expert_use/vision/visual") == 1.0
        for name, share in shares.items():
            _, modality, expert = name.split("/")
            assert (share == 0.0) == (modality == "vision" or expert == "visual"), name
        felt = {"vision", "heard", "body"} if society.scenario.num_agents > 1 else {"vision", "body"}
        assert {name.split("/")[1] for name in shares} >= felt
        assert 0 < year.measures["visual_calls"] <= society.scenario.num_steps


# ---- founders ----


def test_the_first_generation_are_mutated_copies_of_one_founder():
    _, (exact, *_) = years_of(tiny(selection={"mutation": False}), 0)
    assert all(torch.equal(genome, exact.genomes[0]) for genome in exact.genomes)
    society, (mutated, *_) = years_of(tiny(), 0)
    assert torch.equal(mutated.genomes[0], exact.genomes[0])  # the founder itself is among them
    for slot in range(1, 4):
        for layer in society.layout.layers:
            columns = society.layout.slices[layer.name]
            size = exact.genomes[0, columns].square().mean().sqrt()
            change = (mutated.genomes[slot, columns] - exact.genomes[0, columns]).square().mean().sqrt()
            assert change < 0.1 * size or size == 0
        assert not torch.equal(mutated.genomes[slot], mutated.genomes[0])


def test_a_founder_learns_the_language_only_where_fine_tuning_is_on():
    raw = years_of(tiny(learning={"founder_rounds": 0}), 0)[1][0].genomes
    taught = years_of(tiny(), 0)[1][0].genomes
    untaught = years_of(tiny(learning={"fine_tuning": False}), 0)[1][0].genomes
    assert torch.equal(untaught, raw)
    assert not torch.equal(taught, raw)


def test_the_founders_ears_are_renewed_as_often_as_asked_for_and_not_at_the_end():
    def first(every: int, rounds: int = 8) -> Tensor:
        learning = {"founder_rounds": rounds, "newborn_listener_every": every}
        return years_of(tiny(learning=learning), 0)[1][0].genomes[0]

    assert not torch.equal(first(3), first(0))
    assert torch.equal(first(7), first(0))  # round 7 of 8 lies in the last quarter


def test_ancestors_are_taken_by_fitness_and_mutated_where_they_are_too_few():
    config = filled_config(tiny())
    layout = Society(config, is_restored=True).layout
    genomes = layout.draw(3, np.random.default_rng(5))
    ancestors = Ancestors(genomes, np.array([0.1, np.nan, 0.7]))
    society, years = years_of(config, 0, ancestors=ancestors)
    np.testing.assert_array_equal(years[0].genomes[:3], genomes[[2, 0, 1]])  # who has no fitness comes last
    assert torch.equal(years[0].genomes[3], society.genomes[3])
    fourth = years[0].genomes[3].numpy()
    assert 0 < np.abs(fourth - genomes[2]).max() < 0.2  # a mutated copy of the best
    assert [boxling.birth.origin for boxling in society.slots] == ["seed"] * 4
    fewer, _ = years_of(replace(config, population=2), 0, ancestors=ancestors)
    np.testing.assert_array_equal(fewer.genomes, genomes[[2, 0]])


# ---- switches ----


def test_without_elimination_nobody_dies_and_nobody_is_born():
    society, years = years_of(tiny(selection={"elimination": False}))
    assert [year.ids for year in years] == [[1, 2, 3, 4]] * 4
    assert society.next_id == 5
    assert all(year.measures["eliminated"] == 0 for year in years[1:])
    assert not torch.equal(years[0].genomes, years[-1].genomes)  # and yet they learn


def test_without_elimination_and_learning_nothing_changes_over_generations():
    """The null control: where nothing selects and nothing learns, nothing climbs, drifts or falls."""
    society, years = years_of(tiny(generations=4, selection={"elimination": False}, learning=OFF))
    for year in years:
        assert torch.equal(year.genomes, years[0].genomes)
        assert not year.moments.any()
        assert year.ids == [1, 2, 3, 4]
    assert society.next_id == 5


def test_without_learning_survivors_stay_as_they_are_and_only_children_are_new():
    _, years = years_of(tiny(learning=OFF, selection={"eliminated_share": 0.5}))
    num_new = 0
    for before, after in pairwise(years):
        for slot in range(4):
            if before.ids[slot] == after.ids[slot]:
                assert torch.equal(before.genomes[slot], after.genomes[slot])
            else:
                num_new += 1
    assert num_new >= 4


def test_with_learning_everybody_changes_every_generation():
    _, years = years_of(tiny(generations=2))
    for before, after in pairwise(years):
        assert (before.genomes != after.genomes).any(dim=1).all()
        assert {"loss_language", "loss_belief", "loss_policy"} <= after.measures.keys()


@pytest.mark.parametrize("rounds", ["language_rounds", "acting_rounds"])
def test_each_kind_of_round_can_be_left_out_or_be_the_only_one(rounds: str):
    other = {"language_rounds": "acting_rounds", "acting_rounds": "language_rounds"}[rounds]
    for learning, changes in (({other: 0}, True), ({other: 0, rounds: 0}, False)):
        _, years = years_of(tiny(learning=learning, selection={"elimination": False}), 1)
        assert torch.equal(years[0].genomes, years[1].genomes) != changes
    _, years = years_of(tiny(learning={other: 0}), 1)
    assert ("loss_language" in years[1].measures) == (rounds == "language_rounds")
    assert ("loss_policy" in years[1].measures) == (rounds == "acting_rounds")


@pytest.mark.parametrize("mutation", [True, False])
def test_a_child_is_a_copy_of_its_mother_mutated_where_mutation_is_on(mutation: bool):
    selection = {"eliminated_share": 0.5, "newborn_share": 0.0, "mutation": mutation, "mutation_step": 0.05}
    _, years = years_of(tiny(learning=OFF, selection=selection))
    num_births = 0
    for before, after in pairwise(years):
        for slot in range(4):
            if before.ids[slot] != after.ids[slot]:
                child, mother = after.genomes[slot], before.genomes[before.ids.index(after.mothers[slot])]
                if mutation:
                    change = (child - mother).square().mean().sqrt() / mother.square().mean().sqrt()
                    assert change == pytest.approx(0.05, rel=0.2)
                else:
                    assert torch.equal(child, mother)
                num_births += 1
    assert num_births == 6


@pytest.mark.parametrize("newborn_share", [0.0, 1.0])
def test_newborns_inherit_all_but_the_ears_and_mutants_inherit_all(newborn_share: float):
    config = tiny(selection={"eliminated_share": 0.25, "newborn_share": newborn_share, "mutation": False}, learning=OFF)
    society = Society(config)
    society.judge()
    society.optimiser.mean += torch.arange(4.0).unsqueeze(1) + 1
    before = society.genomes + torch.arange(4.0).unsqueeze(1)  # tell them apart
    society.genomes = before.clone()
    society._replace()
    slot = next(boxling.slot for boxling in society.slots if boxling.birth.origin in ("newborn", "mutant"))
    child = society.slots[slot]
    mother = next(boxling.slot for boxling in society.slots if boxling.unique_id == child.mother)
    ears = torch.from_numpy(society.layout.columns_of(*LANGUAGE_PARTS))
    assert LANGUAGE_PARTS == ("ears",)
    assert child.birth.origin == ("newborn" if newborn_share else "mutant")
    assert child.birth.birth_generation == 1
    assert torch.equal(society.genomes[slot, ~ears], before[mother, ~ears])
    assert torch.equal(society.genomes[slot, ears], before[mother, ears]) == (not newborn_share)
    assert (society.optimiser.mean[slot, ~ears] == mother + 1).all()
    assert (society.optimiser.mean[slot, ears] == (0 if newborn_share else mother + 1)).all()
    untouched = [s for s in range(4) if s != slot]
    assert torch.equal(society.genomes[untouched], before[untouched])


def test_a_newborn_that_inherits_nothing_is_drawn_anew_from_head_to_foot():
    selection = {"eliminated_share": 0.25, "newborn_share": 1.0, "newborns_inherit": False}
    society = Society(tiny(selection=selection, learning=OFF))
    society.judge()
    society.optimiser.mean += 1
    before = society.genomes.clone()
    society._replace()
    slot = next(boxling.slot for boxling in society.slots if boxling.birth.origin == "newborn")
    weights = before.std(dim=0) > 0  # biases begin at zero in everybody
    for other in before:
        assert (society.genomes[slot, weights] != other[weights]).float().mean() > 0.99
    assert (society.optimiser.mean[slot] == 0).all()


@pytest.mark.parametrize("number", [1, 3])
def test_as_many_listeners_as_asked_for_are_renewed_each_generation(number: int):
    selection = {"elimination": False, "renewed_listeners": number, "newborns_until": 0.9}
    society = Society(tiny(generations=10, selection=selection, learning=OFF))
    ears = torch.from_numpy(society.layout.columns_of(*LANGUAGE_PARTS))
    seen = set()
    for _ in range(9):
        before, ids = society.genomes.clone(), [boxling.unique_id for boxling in society.slots]
        society.step()
        assert [boxling.unique_id for boxling in society.slots] == ids  # the same boxlings
        is_renewed = (society.genomes[:, ears] != before[:, ears]).any(dim=1)
        assert is_renewed.sum() == number
        assert torch.equal(society.genomes[:, ~ears], before[:, ~ears])
        seen |= set(is_renewed.nonzero().flatten().tolist())
    assert len(seen) > number
    before = society.genomes.clone()
    society.step()  # so late that nobody is renewed any more
    assert torch.equal(society.genomes, before)


@pytest.mark.parametrize("founders", [1, 2, 3, 4, 9])
def test_a_population_descends_from_as_many_founders_as_asked_for(founders: int):
    society = Society(tiny(selection={"founders": founders, "mutation": False}))
    num_different = len(torch.unique(society.genomes, dim=0))
    assert num_different == min(founders, 4)
    if founders < 4:
        assert torch.equal(society.genomes[0], society.genomes[founders])


def test_founders_learn_each_with_itself():
    alone = Society(tiny(selection={"founders": 1, "mutation": False}, learning={"newborn_listener_every": 0}))
    several = Society(tiny(selection={"founders": 2, "mutation": False}, learning={"newborn_listener_every": 0}))
    drawn = torch.from_numpy(alone.layout.draw(2, np.random.default_rng(0)))
    assert alone.genomes.shape == several.genomes.shape == (4, drawn.shape[1])
    assert len(alone.childhood) == len(several.childhood) > 0
    assert not torch.equal(several.genomes[0], several.genomes[1])


def test_what_founders_understand_in_their_childhood_is_what_each_says_to_itself():
    learning = {"founder_rounds": 400, "newborn_listener_every": 0, "language_batch": 64}
    able = {"policy": {"width": 32, "expert_width": 32}, "channel": {"message_length": 3, "num_symbols": 8}}
    society = Society(tiny("describe:2x3", learning=learning, selection={"founders": 3}, **able))
    understood = [year["first_words_understood"] for year in society.childhood]
    assert understood[-1] > 0.8
    assert understood[0] < 0.6


def test_a_slow_copy_gets_new_ears_with_its_boxling():
    selection = {"elimination": False, "renewed_listeners": 4}
    config = tiny("describe", channel={"slow_copy_weight": 0.5}, selection=selection)
    society = Society(replace(config, learning=OFF))
    assert society.slow_genomes is not None
    society.slow_genomes += 1.0
    society.judge()
    society._replace()
    ears = torch.from_numpy(society.layout.columns_of(*LANGUAGE_PARTS))
    assert torch.equal(society.slow_genomes[:, ears], society.genomes[:, ears])
    assert not (society.slow_genomes[:, ~ears] == society.genomes[:, ~ears]).any()


@pytest.mark.parametrize("name", ["meaning_zipf", "half_told_share"])
def test_what_is_told_cannot_be_changed_where_guides_see(name: str):
    with pytest.raises(
        ValueError, match=f"{name} must be 0 where guides see what they talk about, as in name, got 0.5"
    ):
        filled_config(tiny("name", learning={name: 0.5}))


def test_an_endless_price_is_refused():
    with pytest.raises(ValueError, match="length_cost must be finite, got inf"):
        tiny(channel={"length_cost": float("inf")})


def test_a_slow_copy_goes_where_its_boxling_goes_and_is_saved():
    config = tiny("describe", channel={"slow_copy_weight": 0.5, "slow_copy_rate": 0.3})
    unstopped, _ = years_of(config)
    assert unstopped.slow_genomes is not None
    assert not torch.equal(unstopped.slow_genomes, unstopped.genomes)
    stopped, _ = years_of(config, 1)
    restored = Society.restored(config, stopped.tensors(), stopped.state())
    for _ in range(2):
        restored.step()
    assert_equal_societies(restored, unstopped)
    assert "slow_genomes" in restored.state()
    society = Society(replace(config, learning=OFF))
    society.judge()
    society.slow_genomes += 1.0
    society._replace()
    is_child = torch.tensor([boxling.birth.birth_generation == 1 for boxling in society.slots])
    assert is_child.any()
    assert torch.equal(society.slow_genomes[is_child], society.genomes[is_child])
    assert not (society.slow_genomes[~is_child] == society.genomes[~is_child]).any()


def test_a_population_without_a_childhood_learns_to_talk_as_a_founder_would():
    """Symbols are drawn more evenly at first: the entropy bonus and the temperature follow the run's progress."""
    options: list[tuple[float, float]] = []

    def watch(society: Society) -> None:
        def language_round(*_: Any, progress: float) -> torch.Tensor:
            options.append((society.progress, progress))
            return torch.zeros(4)

        society._language_round = lambda *given: language_round(progress=given[5])  # type: ignore[method-assign]

    for rounds in (0, 5):
        society = Society(tiny("describe", learning={"founder_rounds": rounds}))
        watch(society)
        for _ in range(3):
            society.step()
    assert [progress for _, progress in options[:6]] == [0, 0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert {progress for _, progress in options[6:]} == {1.0}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"channel": {"channel_gradient": "autoencoding"}}, "channel_gradient must be straight-through or reinforce"),
        ({"channel": {"slow_copy_weight": 1.0}}, "slow_copy_weight must be 0.0 in a dialogue such as ask, got 1.0"),
        ({"learning": {"half_told_share": 0.5}}, "half_told_share must be 0.0 in a dialogue such as ask, got 0.5"),
        ({"learning": {"meaning_zipf": 1.0}}, "meaning_zipf must be 0.0 in a dialogue such as ask, got 1.0"),
    ],
)
def test_what_a_dialogue_cannot_do_is_refused(changes: dict, told: str):
    with pytest.raises(ValueError, match=told):
        filled_config(tiny("ask", **changes))


def test_length_has_a_cost_only_where_messages_can_end():
    with pytest.raises(ValueError, match="length_cost goes with variable_length, got"):
        filled_config(tiny(channel={"length_cost": 0.1}))
    with pytest.raises(ValueError, match="num_symbols must be at least 3, one of which ends a message, got 2"):
        filled_config(tiny(channel={"variable_length": True, "num_symbols": 2}))


def test_a_genome_that_is_no_number_is_the_worst_and_makes_place():
    society = Society(tiny())
    society.genomes[2, 100] = float("nan")
    society.step()
    assert society.boxling_rows[2]["is_eliminated"]
    assert np.isnan(society.boxling_rows[2]["fitness"])
    assert society.measures["fitness_not_finite"] == 1
    assert np.isfinite(society.measures["fitness_mean"])
    assert torch.isfinite(society.genomes).all()


@pytest.mark.parametrize("population", [1, 2, 3, 5])
def test_societies_of_any_size_live(population: int):
    society, years = years_of(tiny(population=population), 2)
    assert society.genomes.shape[0] == len(society.agents) == population
    assert torch.isfinite(society.genomes).all()
    assert all(np.isfinite(year.measures["fitness_mean"]) for year in years[1:])


def test_the_learning_rate_fades_to_nothing_over_the_last_quarter():
    assert [fading(progress) for progress in (0.0, 0.5, 0.75)] == [1.0, 1.0, 1.0]
    assert fading(0.875) == pytest.approx(0.5)
    assert fading(1.0) == 0.0


# ---- twins and restarts ----


@pytest.mark.parametrize("scenario", scenarios.names())
@pytest.mark.parametrize("gradient", ["straight-through", "reinforce"])
def test_twins_are_equal_to_the_bit_in_every_generation_and_other_seeds_are_not(scenario: str, gradient: str):
    config = tiny(scenario, generations=2, channel={"channel_gradient": gradient, "symbol_noise": 0.1})
    (_, one), (_, twin) = years_of(config), years_of(config)
    assert len(one) == len(twin) == 3
    for year, same in zip(one, twin, strict=True):
        assert torch.equal(year.genomes, same.genomes)
        assert torch.equal(year.moments, same.moments)
        assert year.ids == same.ids
        np.testing.assert_equal(year.measures, same.measures)
        np.testing.assert_equal(year.rows, same.rows)
    _, other = years_of(replace(config, seed=1), 1)
    assert not torch.equal(one[1].genomes, other[1].genomes)


def test_measuring_and_recording_more_often_changes_no_boxling():
    (seldom, one), (often, other) = (years_of(tiny(measure_every=every, record_every=every)) for every in (100, 1))
    assert_equal_societies(seldom, often)
    assert "success_muted" not in one[2].measures
    assert "success_muted" in other[2].measures


@pytest.mark.parametrize("scenario", scenarios.names())
def test_a_society_restored_after_any_generation_goes_on_to_the_bits_it_would_have_reached(scenario: str):
    config = tiny(scenario)
    unstopped = Society(config)
    saved = []
    for _ in range(3):
        parts = (unstopped.tensors(), unstopped.state())
        saved.append([{name: array.copy() for name, array in part.items()} for part in parts])
        unstopped.step()
    for generation, (tensors, state) in enumerate(saved):
        restored = Society.restored(config, tensors, state)
        for name, array in (restored.tensors() | restored.state()).items():
            np.testing.assert_array_equal(array, (tensors | state)[name], err_msg=name)
        for _ in range(3 - generation):
            restored.step()
        assert_equal_societies(restored, unstopped)
        np.testing.assert_equal(restored.measures, unstopped.measures)
        assert [b.birth for b in restored.slots] == [b.birth for b in unstopped.slots]


def test_what_is_saved_is_a_copy_that_later_life_does_not_change():
    society, _ = years_of(tiny(), 1)
    saved = {name: array.copy() for name, array in (society.tensors() | society.state()).items()}
    restored = Society.restored(tiny(), society.tensors(), society.state())
    restored.step()
    for name, array in (society.tensors() | society.state()).items():
        np.testing.assert_array_equal(array, saved[name])


def test_judging_twice_changes_nothing():
    society, _ = years_of(tiny(), 1)
    before = society.genomes.clone()
    society.judge()
    first = dict(society.measures)
    society.judge()
    np.testing.assert_equal(society.measures, first)
    assert torch.equal(society.genomes, before)


def test_a_checkpoint_of_another_population_is_refused():
    society, _ = years_of(tiny(), 0)
    with pytest.raises(ValueError, match=r"genomes must have shape \(5, .*\), got \(4, "):
        Society.restored(tiny(population=5), society.tensors(), society.state())


def test_a_society_on_the_cpu_lives_on_the_cpu():
    society, _ = years_of(tiny(device="cpu"), 1)
    tensors = [society.genomes, society.optimiser.mean, society.optimiser.square, society.optimiser.num_updates]
    assert {str(tensor.device) for tensor in tensors} == {"cpu"}
    with pytest.raises(ValueError, match="device must be cpu or cuda, got 'tpu'"):
        tiny(device="tpu")
