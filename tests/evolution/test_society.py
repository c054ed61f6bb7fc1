"""A society: who lives, dies and is born; each switch on and off; twins; and a life that goes on after a restart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from evolution.chance import stream
from evolution.config import LearningConfig, RunConfig, Strategy
from evolution.evaluate import earned, earned_again, play
from evolution.live import Rollout
from evolution.society import LANGUAGE_PARTS, Ancestors, Society, fading, filled_config
from population.lineage import NO_MOTHER, ORIGINS
from population.policy import Policy
from tests.evolution.conftest import drawn_population, tiny
from world import scenarios
from world.codes import Role

OFF = LearningConfig(fine_tuning=False, founder_rounds=0)
IDLE = LearningConfig(founder_rounds=0, language_rounds=0, acting_rounds=0)  # there is an optimiser, and nothing to do


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
            torch.zeros(0) if society.optimiser is None else society.optimiser.mean.clone(),
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
    np.testing.assert_array_equal(years[0].genomes[:3], genomes)  # as they sat
    assert torch.equal(years[0].genomes[3], society.genomes[3])
    fourth = years[0].genomes[3].numpy()
    assert 0 < np.abs(fourth - genomes[2]).max() < 0.2  # a mutated copy of the best
    assert [boxling.birth.origin for boxling in society.slots] == ["seed"] * 4
    fewer, _ = years_of(replace(config, population=2), 0, ancestors=ancestors)
    np.testing.assert_array_equal(fewer.genomes, genomes[[0, 2]])  # without the one who has no fitness


# ---- switches ----


def test_with_the_strategy_none_nobody_dies_and_nobody_is_born():
    society, years = years_of(tiny(selection={"strategy": "none"}))
    assert [year.ids for year in years] == [[1, 2, 3, 4]] * 4
    assert society.next_id == 5
    assert all(year.measures["eliminated"] == 0 for year in years[1:])
    assert not torch.equal(years[0].genomes, years[-1].genomes)  # and yet they learn


def test_without_elimination_and_learning_nothing_changes_over_generations():
    """The null control: where nothing selects and nothing learns, nothing climbs, drifts or falls."""
    society, years = years_of(tiny(generations=4, selection={"strategy": "none"}, learning=OFF))
    for year in years:
        assert torch.equal(year.genomes, years[0].genomes)
        assert year.ids == [1, 2, 3, 4]
    assert society.next_id == 5
    assert society.optimiser is None  # and nobody carries moments about that nothing will ever move
    assert not any(name.startswith("optimiser") for name in society.state())


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
        _, years = years_of(tiny(learning=learning, selection={"strategy": "none"}), 1)
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
    selection = {"eliminated_share": 0.25, "newborn_share": newborn_share, "mutation": False}
    society = Society(tiny(selection=selection, learning=IDLE))
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
    society = Society(tiny(selection=selection, learning=IDLE))
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
    selection = {"strategy": "none", "renewed_listeners": number, "newborns_until": 0.9}
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
    selection = {"strategy": "none", "renewed_listeners": 4}
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


@pytest.mark.parametrize("scenario", ["guide", "forage", "sokoban"])
def test_fitness_is_the_mean_over_the_worlds_of_each_role(scenario: str):
    """Two ways: at once by counting, and boxling by boxling."""
    policy, genomes, place = drawn_population(scenario, population=5)
    rollout, _ = play(policy, 8 * genomes, place, worlds_per_boxling=6)
    rollout.total_reward += np.random.default_rng(0).normal(size=rollout.total_reward.shape)
    for role, means in zip((Role.GUIDE, Role.BUILDER), earned(rollout), strict=True):
        for genome in range(5):
            rewards = rollout.total_reward[(rollout.seating.genome_of == genome) & (rollout.final_roles == role)]
            assert means[genome] == pytest.approx(rewards.mean() if len(rewards) else np.nan, nan_ok=True)


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


# ---- strategies ----


CHOOSING = [name for name in get_args(Strategy) if name not in ("truncation", "none")]


@pytest.mark.parametrize("strategy", CHOOSING)
def test_under_every_strategy_ids_are_new_and_every_child_has_a_mother_that_lived(strategy: str):
    selection = {"strategy": strategy, "eliminated_share": 0.5, "protected_generations": 0, "newborns_until": 1.0}
    society, years = years_of(tiny("describe", generations=4, selection=selection))
    rows = [row for year in years for row in year.rows]
    assert sorted({i for year in years for i in year.ids}) == list(range(1, society.next_id))
    for year in years[1:]:
        num_dead = sum(row["is_eliminated"] for row in year.rows)
        assert year.measures["eliminated"] == num_dead == (3 if strategy == "random-search" else 2)
    lived = {row["boxling"]: row["birth_generation"] for row in rows}
    children = [row for row in rows if row["origin"] not in ("founder", "drawn")]
    assert all(lived[row["mother"]] < row["birth_generation"] for row in children)
    drawn = [row for row in rows if row["origin"] == "drawn"]
    assert bool(drawn) == (strategy == "random-search")
    assert bool(children) != bool(drawn)
    assert all(row["mother"] == NO_MOTHER for row in drawn)


def test_who_is_drawn_anew_inherits_nothing_and_the_best_stays():
    society = Society(tiny(selection={"strategy": "random-search"}, learning=IDLE))
    society.genomes *= torch.arange(1.0, 5.0).unsqueeze(1)  # tell them apart
    society.judge()
    society.optimiser.mean += 1
    society.optimiser.num_updates += 7
    before, best = society.genomes.clone(), int(np.argmax([boxling.fitness for boxling in society.slots]))
    society._replace()
    weights = before.std(dim=0) > 0  # biases begin at zero in everybody
    for slot, boxling in enumerate(society.slots):
        if slot == best:
            assert torch.equal(society.genomes[slot], before[slot])
            assert society.optimiser.num_updates[slot] == 7
            continue
        assert boxling.birth.origin == "drawn"
        assert all((society.genomes[slot, weights] != other[weights]).float().mean() > 0.99 for other in before)
        assert not society.optimiser.mean[slot].any()
        assert society.optimiser.num_updates[slot] == 0


def test_a_child_of_an_elite_is_what_the_elite_was_when_it_was_judged():
    """Even after the elite has gone, and with the state of learning that it had then."""
    selection = {"strategy": "map-elites", "eliminated_share": 0.5, "mutation": False, "newborn_share": 0.0}
    society = Society(tiny(selection=selection, learning=IDLE))
    society.judge()
    for rows in (society.optimiser.mean, society.optimiser.square, society.optimiser.num_updates):
        rows += torch.arange(1.0, 5.0).reshape(-1, *[1] * (rows.ndim - 1))
    society.genomes += torch.arange(4.0).unsqueeze(1)
    was = society.genomes.clone()
    ids = [boxling.unique_id for boxling in society.slots]
    for slot, boxling in enumerate(society.slots):
        boxling.fitness = float(slot)
    society.behaviour = np.array([[0, 0], [0.5, 0], [0.5, 0], [0.9, 0.9]])
    society._replace()  # slots 1 and 0 go, in this order; 0, 2 and 3 are elites
    assert society.measures["archive_cells_filled"] == 3
    assert society.measures["archive_fitness_mean"] == pytest.approx(5 / 3)
    mothers = set()
    for turn in range(12):
        society.genomes[:] = society.optimiser.mean[:] = -1000.0 - turn  # whoever lives has changed since
        for boxling in society.slots:
            boxling.fitness = -1.0 - turn
        society.generation += 1
        society.boxling_rows = [{} for _ in range(4)]
        society.behaviour = np.zeros((4, 2))
        before = {boxling.unique_id for boxling in society.slots}
        society._replace()
        for slot, boxling in enumerate(society.slots):
            if boxling.unique_id not in before:
                mother = ids.index(boxling.mother)
                mothers.add(mother)
                assert torch.equal(society.genomes[slot], was[mother])
                assert (society.optimiser.mean[slot] == mother + 1).all()
                assert (society.optimiser.square[slot] == mother + 1).all()
                assert society.optimiser.num_updates[slot] == mother + 1
    assert mothers == {0, 2, 3}


@pytest.mark.parametrize("strategy", CHOOSING)
def test_every_strategy_goes_on_after_a_restart_to_the_bits_it_would_have_reached(strategy: str):
    selection = {"strategy": strategy, "eliminated_share": 0.5, "revalidated_elites": 1}
    config = tiny("describe", generations=4, selection=selection)
    unstopped, years = years_of(config)
    restored, num_compared = Society(config), 0
    for year in years[1:]:
        restored = Society.restored(config, restored.tensors(), restored.state())
        restored.step()
        assert torch.equal(restored.genomes, year.genomes)
        np.testing.assert_equal(restored.measures, year.measures)
        num_compared += 1
    assert num_compared == 4
    assert_equal_societies(restored, unstopped)
    assert ("archive.inherited.genomes" in unstopped.state()) == (strategy == "map-elites")
    assert ("archive_cells_filled" in unstopped.measures) == (strategy == "map-elites")


# ---- elites judged again ----


@pytest.mark.parametrize("scenario", ["guide", "describe", "forage", "sokoban"])
def test_elites_are_judged_by_the_validation_alone_and_all_others_as_before(scenario: str):
    config = tiny(scenario, population=6, live_worlds=8, learning=OFF)
    plain, again = Society(config), Society(replace(config, selection=replace(config.selection, revalidated_elites=2)))
    for society in (plain, again):
        society.genomes += torch.from_numpy(society.layout.draw(6, np.random.default_rng(0)))  # more different ones
        society.judge()
    first = np.array([boxling.fitness for boxling in plain.slots])
    second = np.array([boxling.fitness for boxling in again.slots])
    elites = np.argsort(-first, kind="stable")[:2]
    others = np.setdiff1d(np.arange(6), elites)
    np.testing.assert_array_equal(second[others], first[others])
    assert again.measures["elite_fitness_before"] == pytest.approx(first[elites].mean())
    assert again.measures["elite_fitness_after"] == pytest.approx(second[elites].mean())
    assert again.measures["fitness_mean"] == pytest.approx(second.mean())
    assert [row["fitness"] for row in again.boxling_rows] == second.tolist()
    assert again.best_validated == elites[second[elites].argmax()]
    assert again.agent_steps > plain.agent_steps
    assert not {"elite_fitness_before", "elite_fitness_after"} & plain.measures.keys()
    seed = int(stream(config.seed, "validate", 0).integers(2**31))
    as_guide, as_builder, _ = earned_again(
        again.policy, again.genomes, again.scenario, elites, worlds_per_boxling=8, seed=seed
    )
    np.testing.assert_array_equal(
        second[elites], (as_guide + as_builder) / 2 if again.scenario.has_guide else as_builder
    )


@pytest.mark.parametrize("population", [1, 2, 6])
@pytest.mark.parametrize("scenario", ["describe", "forage", "sokoban"])
def test_an_elite_that_is_judged_again_meets_others_of_the_population_and_no_other_elites_group(
    scenario: str, population: int, monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[Tensor, Rollout]] = []

    def watched(policy: Policy, genomes: Tensor, *given: Any, **options: Any) -> tuple[Rollout, np.ndarray]:
        rollout, numbers = play(policy, genomes, *given, **options)
        rollout.total_reward += np.random.default_rng(0).normal(size=rollout.total_reward.shape)  # to each its own
        seen.append((genomes, rollout))
        return rollout, numbers

    monkeypatch.setattr("evolution.evaluate.play", watched)
    policy, genomes, place = drawn_population(scenario, population=population)
    elites = np.arange(population)[:2][::-1].copy()
    as_guide, as_builder, steps = earned_again(policy, genomes, place, elites, worlds_per_boxling=9, seed=3)
    rows, rollout = seen[0]
    who = (rows[:, None] == genomes[None]).all(dim=-1).int().argmax(dim=1).numpy()  # slot of each row that played
    num_groups = 4
    assert len(rows) == len(elites) * num_groups * place.num_agents
    assert steps == rollout.lived_steps > 0
    partners: dict[int, set[tuple[int, ...]]] = {}
    for row_of_seat in rollout.seating.genome_of:
        groups = row_of_seat % (len(elites) * num_groups)
        assert len(set(groups.tolist())) == 1  # of one group
        assert len(set(row_of_seat.tolist())) == place.num_agents  # which are all there
        at_table = who[np.sort(row_of_seat)]
        assert at_table[0] in elites
        assert population == 1 or at_table[0] not in at_table[1:]
        partners.setdefault(int(groups[0]), set()).add(tuple(at_table[1:].tolist()))
    assert all(len(met) == 1 for met in partners.values())
    assert len(partners) == len(elites) * num_groups
    if population == 6 and place.num_agents > 1:
        for elite in range(len(elites)):  # new ones from group to group
            met = [slot for group in range(num_groups) for slot in min(partners[group * len(elites) + elite])]
            assert len(set(met[:5])) == min(5, len(met))
        assert all(len(set(others)) == len(others) for met in partners.values() for others in met)
    for k, slot in enumerate(elites):
        for role, means in ((Role.GUIDE, as_guide), (Role.BUILDER, as_builder)):
            is_elite = rollout.seating.genome_of < len(elites) * num_groups
            sits = is_elite & (who[rollout.seating.genome_of] == slot) & (rollout.final_roles == role)
            rewards = rollout.total_reward[sits]
            assert means[k] == pytest.approx(rewards.mean() if len(rewards) else np.nan, nan_ok=True)


def test_the_best_elite_judged_again_is_not_eliminated_even_if_another_seems_fitter():
    selection = {"strategy": "age", "eliminated_share": 1.0, "revalidated_elites": 2, "newborn_share": 0.0}
    society = Society(tiny("describe", selection=selection, learning=OFF))
    for _ in range(4):
        society.judge()
        best = society.best_validated
        assert best is not None
        kept = society.slots[best].unique_id
        society._replace()
        assert society.slots[best].unique_id == kept
        assert society.measures["eliminated"] == 3
        society.generation += 1


def test_who_has_no_fitness_is_no_elite():
    society = Society(tiny(selection={"revalidated_elites": 4}, learning=OFF))
    society.genomes[[0, 2, 3]] = float("nan")
    society.judge()
    assert society.best_validated == 1
    assert np.isnan([boxling.fitness for boxling in society.slots]).tolist() == [True, False, True, True]
    society.genomes[:] = float("nan")
    society.judge()
    assert society.best_validated is None
    assert "elite_fitness_after" not in society.measures


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
