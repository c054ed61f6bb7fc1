"""Offspring, genes and elites in a society: what children get, of whom, and what all learn from."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evolution.config import LearningConfig, SelectionConfig
from evolution.offspring import NOBODY, Couples, couples
from evolution.records import BOXLINGS, read_records
from evolution.relive import Part, gather
from evolution.run import evolve
from evolution.select import Replacement
from evolution.sensitivity import sensitivity
from evolution.society import LANGUAGE_PARTS, LAST_TEMPERATURE, Ancestors, Society, filled_config
from population.genes import GENES, NAMES, column
from population.lineage import NO_FATHER
from population.policy import Policy
from population.variation import groups_of
from tests.evolution.conftest import drawn_population, tiny
from tests.evolution.test_gather import gathered, outputs
from tests.evolution.test_society import IDLE, OFF, assert_equal_societies, years_of

HALF_GO = {"eliminated_share": 0.5, "protected_generations": 0, "newborn_share": 0.0}


def with_children(learning: LearningConfig = IDLE, scenario: str = "describe", **selection: Any) -> Society:
    """A society of eight, judged, who can be told apart, and whose half made place for children."""
    society = Society(tiny(scenario, population=8, selection=HALF_GO | selection, learning=learning))
    society.judge()
    for slot, boxling in enumerate(society.slots):
        boxling.fitness = float(slot)  # slots 4 to 7 stay
    society.genomes = torch.from_numpy(society.layout.draw(8, np.random.default_rng(1)))
    if society.optimiser is not None:
        for rows in (society.optimiser.mean, society.optimiser.square, society.optimiser.num_updates):
            rows += torch.arange(1.0, 9.0).reshape(-1, *[1] * (rows.ndim - 1))
    society._replace()
    return society


def again(society: Society, generation: int) -> None:
    """Another generation is born, without living in between."""
    society.generation = generation
    society.boxling_rows = [{} for _ in society.slots]
    for boxling in [boxling for boxling in society.agents if boxling.is_eliminated]:
        boxling.remove()
    society._replace()


def difference(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> torch.Tensor:
    """Between outputs, mean square, for each genome."""
    parts = [(one - other).square().mean(dim=(1, 2)) for one, other in zip(ours, theirs, strict=True)]
    return torch.stack(parts).sum(dim=0)


# ---- who has children with whom ----


def test_the_fitter_of_two_is_the_mother_and_coins_decide_who_has_a_father():
    fitness = np.array([0.3, 0.1, 0.9, np.nan])
    births = [Replacement(9, 0, 1, False), Replacement(9, 1, 2, False), Replacement(9, 2, None, True)]
    both = couples(births, fitness, 1.0, np.random.default_rng(0))
    assert both.mother.tolist() == [0, 2, 2]
    assert both.father.tolist() == [1, 1, NOBODY]
    alone = couples(births, fitness, 0.0, np.random.default_rng(0))
    assert alone.mother.tolist() == [0, 1, 2]
    assert not alone.has_father.any()
    many = couples([Replacement(9, 1, 2, False)] * 1000, fitness, 0.3, np.random.default_rng(0))
    assert 240 < many.has_father.sum() < 360
    assert (many.mother[many.has_father] == 2).all()
    parents, rows = Couples(np.array([7, 2, 7]), np.array([5, NOBODY, 2])).everybody()
    assert (parents.tolist(), rows.mother.tolist(), rows.father.tolist()) == ([2, 5, 7], [2, 0, 2], [1, NOBODY, 0])


@pytest.mark.parametrize(
    ("kind", "share", "are_there"), [("expert", 1.0, True), ("layer", 0.0, False), ("none", 1.0, False)]
)
def test_fathers_are_recorded_where_there_are_any(kind: str, share: float, are_there: bool):
    selection = HALF_GO | {"crossover": kind, "crossover_share": share}
    society, years = years_of(tiny("describe", population=6, generations=4, learning=OFF, selection=selection))
    num_children = 0
    for before, after in pairwise(years[1:]):
        fitness = {row["boxling"]: row["fitness"] for row in before.rows if not row["is_eliminated"]}
        for row in after.rows:
            if row["birth_generation"] == row["generation"]:
                assert (row["father"] != NO_FATHER) == are_there
                if are_there:
                    assert row["father"] != row["mother"]
                    assert fitness[row["father"]] <= fitness[row["mother"]]
                num_children += 1
    assert num_children == 9
    assert set(society.lineage.fathers.tolist()) - {NO_FATHER} <= set(society.lineage.boxlings.tolist())
    assert (society.lineage.fathers != NO_FATHER).any() == are_there


# ---- genomes ----


@pytest.mark.parametrize("kind", ["expert", "layer"])
def test_a_child_has_groups_of_parameters_of_both_parents_and_their_moments_with_them(kind: str):
    society = with_children(crossover=kind, crossover_share=1.0, mutation=False)
    assert society.optimiser is not None
    was = torch.from_numpy(society.layout.draw(8, np.random.default_rng(1)))
    groups = torch.from_numpy(groups_of(society.layout, kind))
    shares = []
    for slot in range(4):
        birth = society.slots[slot].birth
        mother, father = birth.mother - 1, birth.father - 1  # the first eight were in slots of their ids less 1
        assert 4 <= father < mother
        of_father = society.optimiser.mean[slot] == father + 1
        expected = torch.where(of_father, was[father], was[mother])
        assert torch.equal(society.genomes[slot], expected)
        moments = torch.where(of_father, father + 1.0, mother + 1.0)
        assert torch.equal(society.optimiser.mean[slot], moments)
        assert torch.equal(society.optimiser.square[slot], moments)
        assert society.optimiser.num_updates[slot] == mother + 1
        for group in range(int(groups.max()) + 1):
            assert len(set(of_father[groups == group].tolist())) == 1
        shares.append(float(of_father.float().mean()))
    assert torch.equal(society.genomes[4:], was[4:])
    assert 0 < np.mean(shares) < 1


def test_a_distilled_child_is_its_mother_that_learned_what_its_father_does():
    policy, _, scenario = drawn_population("describe")
    taught, untaught = (
        with_children(
            LearningConfig(founder_rounds=0, language_rounds=0, acting_rounds=0, distil_rounds=rounds),
            crossover="distil", crossover_share=1.0, mutation=False, experience_worlds=8,
        )
        for rounds in (20, 0)
    )  # fmt: skip
    was = torch.from_numpy(taught.layout.draw(8, np.random.default_rng(1)))
    births = [society.slots[slot].birth for society in (taught, untaught) for slot in range(4)]
    assert births[:4] == births[4:]
    mothers, fathers = ([getattr(birth, name) - 1 for birth in births[:4]] for name in ("mother", "father"))
    assert min(fathers) >= 4
    assert torch.equal(untaught.genomes[:4], was[mothers])
    assert np.isnan(untaught.measures["loss_distil"])
    assert taught.measures["loss_distil"] > 0
    assert torch.equal(taught.optimiser.mean[:4, 0], torch.tensor(mothers) + 1.0)
    there = gathered(policy, was[fathers], scenario, worlds_each=8)
    of_father, of_mother, of_child = (
        outputs(policy, rows, there) for rows in (was[fathers], was[mothers], taught.genomes[:4])
    )
    assert (difference(of_child, of_father) < 0.8 * difference(of_mother, of_father)).all()


def test_safe_mutations_are_as_large_as_others_and_change_less_of_what_children_do():
    policy, _, scenario = drawn_population("describe")
    was = torch.from_numpy(policy.layout.draw(8, np.random.default_rng(1)))
    sizes, changes = {}, {}
    for kind in ("gaussian", "safe"):
        society = with_children(mutation_kind=kind, mutation_step=0.05, experience_worlds=4)
        mothers = was[[society.slots[slot].mother - 1 for slot in range(4)]]
        sizes[kind] = (society.genomes[:4] - mothers).norm(dim=1)
        experience = gathered(policy, mothers, scenario)
        changes[kind] = difference(*(outputs(policy, rows, experience) for rows in (mothers, society.genomes[:4])))
    torch.testing.assert_close(sizes["safe"], sizes["gaussian"], rtol=0.1, atol=0)
    assert (changes["safe"] < 0.6 * changes["gaussian"]).all()
    assert (changes["safe"] > 0).all()


def test_what_a_child_is_sensitive_to_is_measured_where_its_mother_has_been(monkeypatch: pytest.MonkeyPatch):
    gathers: list[tuple[torch.Tensor, tuple[Part, ...]]] = []
    asked: list[tuple[torch.Tensor, tuple[Part, ...]]] = []

    def watched_gather(policy: Policy, genomes: torch.Tensor, *more: Any, **options: Any) -> tuple[Part, ...]:
        gathers.append((genomes.clone(), gather(policy, genomes, *more, **options)))
        return gathers[-1][1]

    def watched(policy: Policy, genomes: torch.Tensor, parts: tuple[Part, ...], *more: Any) -> torch.Tensor:
        asked.append((genomes.clone(), parts))
        return sensitivity(policy, genomes, parts, *more)

    monkeypatch.setattr("evolution.offspring.gather", watched_gather)
    monkeypatch.setattr("evolution.offspring.sensitivity", watched)
    with_children(mutation_kind="safe")
    (parents, lived), num_compared = gathers[0], 0
    for children, parts in asked:  # before they are mutated they are as their mothers
        mothers = (children[:, None] == parents[None]).all(dim=-1).int().argmax(dim=1)
        for part, theirs in zip(parts, lived, strict=True):
            assert torch.equal(part.tokens, theirs.tokens[mothers])
        num_compared += len(children)
    assert len(gathers) == 1
    assert len(parents) > 1
    assert num_compared == 4


@pytest.mark.parametrize("kind", ["expert", "distil"])
def test_newborns_of_two_parents_learn_the_language_too(kind: str):
    society = with_children(crossover=kind, crossover_share=1.0, newborn_share=1.0, newborns_until=1.0, mutation=False)
    assert society.optimiser is not None
    ears = torch.from_numpy(society.layout.columns_of(*LANGUAGE_PARTS))
    was = torch.from_numpy(society.layout.draw(8, np.random.default_rng(1)))
    weights = ears & (was.std(dim=0) > 0)  # biases begin at zero in everybody
    for slot in range(4):
        assert society.slots[slot].birth.origin == "newborn"
        assert society.slots[slot].father != NO_FATHER
        assert all((society.genomes[slot, weights] != other[weights]).float().mean() > 0.99 for other in was)
        assert not society.optimiser.mean[slot, ears].any()
        assert (society.optimiser.mean[slot, ~ears] > 4).all()


# ---- genes ----


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("name", NAMES)
def test_a_gene_that_fitness_hangs_on_drifts_the_right_way(name: str, direction: int):
    selection = {"genes": True, "newborn_share": 0.0, "eliminated_share": 0.5}
    society = Society(tiny("describe", population=12, selection=selection, learning=OFF), collects=False)
    society.judge()
    at_first = np.log(society.genes).mean(axis=0)
    for generation in range(15):
        for boxling in society.slots:
            boxling.fitness = direction * getattr(boxling, name)
        again(society, generation)
    drift = dict(zip(NAMES, np.log(society.genes).mean(axis=0) - at_first, strict=True))
    assert direction * drift[name] > 1.5
    # its neighbours go somewhere, by hitch-hiking, but not as far
    assert all(abs(value) < abs(drift[name]) for other, value in drift.items() if other != name)


def test_where_fitness_plays_no_part_genes_vary_and_do_not_drift():
    selection = {"genes": True, "strategy": "random", "newborn_share": 0.0, "gene_step": 0.1}
    ends = []
    for seed in range(6):
        society = Society(tiny("describe", population=32, selection=selection, learning=OFF, seed=seed), collects=False)
        society.judge()
        for generation in range(8):
            again(society, generation)
        ends.append(np.log(society.genes))
    values = np.stack(ends)  # (runs, P, genes)
    config = society.config
    first = np.log([config.learning.learning_rate, config.learning.entropy_bonus, LAST_TEMPERATURE, 0.02])
    assert values.std(axis=1).min() > 0.05
    means = values.mean(axis=1) - first
    assert np.abs(means.mean()) < 0.1
    assert (np.abs(means.mean(axis=0)) < 4 * means.std(axis=0) / 6**0.5 + 0.05).all()


def test_a_child_is_mutated_by_its_own_step_which_was_varied_first():
    society = with_children(genes=True, gene_step=1.0)
    was = torch.from_numpy(society.layout.draw(8, np.random.default_rng(1)))
    steps = []
    for slot in range(4):
        child = society.slots[slot]
        change = (society.genomes[slot] - was[child.mother - 1]).norm() / was[child.mother - 1].norm()
        assert float(change) == pytest.approx(child.mutation_step, rel=0.15)
        assert child.mutation_step == society.genes[slot, NAMES.index("mutation_step")]
        steps.append(child.mutation_step)
    assert max(steps) > 1.5 * min(steps)


@pytest.mark.parametrize("kind", ["mean", "parent"])
def test_genes_of_a_child_are_those_of_both_parents(kind: str):
    society = Society(
        tiny("describe", population=8, learning=OFF, selection=HALF_GO | {
            "genes": True, "gene_crossover": kind, "crossover": "layer", "crossover_share": 1.0, "mutation": False,
        })
    )  # fmt: skip
    society.judge()
    society.genes *= np.exp(np.random.default_rng(0).normal(size=society.genes.shape))
    was = society.genes.copy()
    society._replace()
    num_children = 0
    for slot, boxling in enumerate(society.slots):
        if boxling.birth_generation == 0:
            continue
        mother, father = was[boxling.mother - 1], was[boxling.father - 1]
        if kind == "mean":
            np.testing.assert_allclose(society.genes[slot], np.sqrt(mother * father))
        else:
            assert ((society.genes[slot] == mother) | (society.genes[slot] == father)).all()
        num_children += 1
    assert num_children == 4
    assert "genes_clipped" not in society.measures  # without mutation nothing varies


def test_genes_stay_in_their_bounds_and_what_is_clipped_is_counted():
    wild = with_children(genes=True, gene_step=30.0)
    for gene in GENES:
        values = column(wild.genes, gene.name)
        assert (gene.low <= values).all()
        assert (values <= gene.high).all()
    at_bounds = sum(np.isin(column(wild.genes, gene.name)[:4], [gene.low, gene.high]).sum() for gene in GENES)
    assert wild.measures["genes_clipped"] == at_bounds > 4
    assert with_children(genes=True, gene_step=0.0).measures["genes_clipped"] == 0


def test_genes_are_measured_and_recorded_and_without_them_the_options_are():
    society, years = years_of(tiny("describe", selection={"genes": True}), 2)
    for year in years[1:]:
        for name in NAMES:
            mean = np.mean([row[name] for row in year.rows])
            assert year.measures[f"gene/{name}"] == pytest.approx(mean)
    assert len({row["learning_rate"] for row in years[2].rows}) > 1
    off, years = years_of(tiny("describe"), 1)
    options = {"learning_rate": 3e-3, "entropy_bonus": 0.01, "temperature": LAST_TEMPERATURE, "mutation_step": 0.02}
    assert all(row[name] == value for row in years[1].rows for name, value in options.items())
    assert not any(name.startswith("gene") for name in off.measures)
    assert "genes" not in off.tensors()
    assert society.tensors()["genes"].shape == (4, len(NAMES))


def test_a_dead_boxlings_genes_stay_with_it_and_not_with_its_successor():
    society = Society(tiny("describe", generations=1, learning=OFF, selection={"genes": True, "gene_step": 1.0}))
    was = society.genes.copy()
    society.step()
    table = society.datacollector.get_agent_vars_dataframe().reset_index()
    np.testing.assert_array_equal(table[list(NAMES)].to_numpy(), was)
    assert not np.array_equal(society.genes, was)


def test_genes_that_nothing_varies_are_as_the_options():
    """To rounding: a rate for each genome is a float32."""
    still = {"genes": True, "gene_step": 0.0}
    (_, with_genes), (_, without) = (years_of(tiny("guide", selection=selection), 1) for selection in (still, {}))
    torch.testing.assert_close(with_genes[1].genomes, without[1].genomes, rtol=1e-4, atol=1e-5)
    assert not torch.equal(without[0].genomes, without[1].genomes)


def test_each_learns_by_its_own_genes():
    def learned(**genes: float) -> torch.Tensor:
        """What boxling 2 learned with these genes."""
        society = Society(tiny("guide", selection={"genes": True, "strategy": "none", "gene_step": 0.0}))
        for name, value in genes.items():
            society.genes[2, NAMES.index(name)] = value
        before = society.genomes.clone()
        society._fine_tune()
        assert (society.genomes[[0, 1, 3]] != before[[0, 1, 3]]).any(dim=1).all()
        return society.genomes[2] - before[2]

    plain = learned()
    assert plain.abs().max() > 1e-3
    assert not learned(learning_rate=0.0).any()
    for name in ("entropy_bonus", "temperature"):
        assert not torch.allclose(learned(**{name: 5.0 if name == "temperature" else 1.0}), plain, atol=1e-4), name
    assert torch.equal(learned(mutation_step=0.5), plain)


def test_a_child_of_an_archived_elite_has_the_genes_that_the_elite_had():
    selection = HALF_GO | {"strategy": "map-elites", "mutation": False, "genes": True}
    society = Society(tiny("describe", selection=selection, learning=OFF))
    society.judge()
    society.genes[:, 0] = [0.01, 0.02, 0.03, 0.04]
    society.behaviour = np.array([[0, 0], [0.5, 0], [0.5, 0.5], [0.9, 0.9]])
    society._replace()
    ids = {boxling.unique_id for boxling in society.slots}
    society.genes[:, 0] = 0.09
    for boxling in society.slots:
        boxling.fitness = -5.0
    society.behaviour = np.zeros((4, 2))
    again(society, 1)
    children = [slot for slot, boxling in enumerate(society.slots) if boxling.unique_id not in ids]
    assert len(children) == 2
    for slot in children:
        assert society.genes[slot, 0] == pytest.approx(0.01 * society.slots[slot].mother)


def test_genes_are_handed_on_by_a_seed_and_its_fittest_come_first():
    config = filled_config(tiny("describe", population=5, selection={"genes": True, "gene_step": 0.5}))
    genomes = Society(config, is_restored=True).layout.draw(3, np.random.default_rng(5))
    genes = np.arange(1, 13).reshape(3, 4) / 100
    society = Society(config, Ancestors(genomes, np.array([0.1, np.nan, 0.7]), genes))
    np.testing.assert_array_equal(society.genes[:3], genes)
    copies = society.genes[3:] / genes[[2, 0]]  # mutated copies fill the population
    assert (copies != 1).all()
    for slot, source in ((3, 2), (4, 0)):
        change = (society.genomes[slot].numpy() - genomes[source]).std() / genomes[source].std()
        assert change == pytest.approx(society.slots[slot].mutation_step, rel=0.1)
    others = Society(config, Ancestors(genomes, np.array([0.1, np.nan, 0.7])))
    assert (column(others.genes, "learning_rate")[:3] == 3e-3).all()


def test_genes_survive_on_disk_from_run_to_run(tmp_path: Path):
    config = tiny("describe", generations=2, selection=HALF_GO | {"genes": True, "gene_step": 0.5})
    first = evolve(config.with_options({"out": str(tmp_path / "first")}))
    table = read_records(first / "boxlings.parquet", BOXLINGS).to_pandas()
    last = table[table.generation == 2].set_index("slot")
    again = {"out": str(tmp_path / "again"), "seed_from": str(first), "generations": 1, "seed": 5}
    second = evolve(config.with_options(again))
    seeded = read_records(second / "boxlings.parquet", BOXLINGS).to_pandas().query("generation == 0")
    assert sorted(seeded.learning_rate) == sorted(last.learning_rate)
    assert len(set(last.learning_rate)) > 1
    # who does not go on with them learns by the options
    third = evolve(config.with_options(again | {"out": str(tmp_path / "third"), "genes": False}))
    assert set(read_records(third / "boxlings.parquet", BOXLINGS).to_pandas().learning_rate) == {3e-3}
    # and who has none to go on with, too
    fourth = evolve(config.with_options(again | {"out": str(tmp_path / "fourth"), "seed_from": str(third)}))
    begun = read_records(fourth / "boxlings.parquet", BOXLINGS).to_pandas().query("generation == 0")
    assert set(begun.learning_rate) == {3e-3}


# ---- elites and reward ----


def test_all_others_learn_to_do_as_elites_do_and_nobody_learns_anything_else():
    learning = {"learn_from": "elites", "elite_share": 0.25, "elite_rounds": 25}
    society = Society(tiny("describe", population=8, learning=learning, selection={"experience_worlds": 8}))
    society.genomes = torch.from_numpy(society.layout.draw(8, np.random.default_rng(1)))
    for slot, boxling in enumerate(society.slots):
        boxling.fitness = float("nan") if slot in (0, 5) else float(slot)
    before = society.genomes.clone()
    steps = society._fine_tune()
    elites, others = [6, 7], [0, 1, 2, 3, 4, 5]  # who was just born, or broken, is no elite
    assert torch.equal(society.genomes[elites], before[elites])
    assert society.optimiser is not None
    assert society.optimiser.num_updates.tolist() == [25] * 6 + [0, 0]
    assert (society.optimiser.mean[others] != 0).any(dim=1).all()
    assert steps == 2 * 8 * society.scenario.num_agents * society.scenario.num_steps
    experience = gathered(society.policy, before[elites], society.scenario, seed=5, worlds_each=8)

    def nearest(genomes: torch.Tensor) -> torch.Tensor:
        """How far each is from the elite that it is most like, where that has been, (P,)."""
        far = []
        for k in range(2):
            there = tuple(part.of(torch.full((8,), k)) for part in experience)
            theirs = outputs(society.policy, before[elites][[k] * 8], there)
            far.append(difference(outputs(society.policy, genomes, there), theirs))
        return torch.stack(far).min(dim=0).values

    assert (nearest(society.genomes)[others] < 0.8 * nearest(before)[others]).all()
    assert society.measures["loss_elites"] > 0
    assert not {"loss_language", "loss_belief", "loss_policy"} & society.measures.keys()


def test_where_there_are_no_elites_or_nobody_else_nobody_learns():
    for population, fitness in ((1, 1.0), (4, float("nan"))):
        society = Society(tiny("describe", population=population, learning={"learn_from": "elites"}))
        for boxling in society.slots:
            boxling.fitness = fitness
        before = society.genomes.clone()
        assert society._fine_tune() == 0
        assert torch.equal(society.genomes, before)


def test_a_pupil_of_elites_learns_at_the_rate_of_its_gene():
    society = Society(tiny("describe", learning={"learn_from": "elites"}, selection={"genes": True}))
    for slot, boxling in enumerate(society.slots):
        boxling.fitness = float(slot)
    society.genes[1, NAMES.index("learning_rate")] = 0.0
    before = society.genomes.clone()
    society._fine_tune()
    assert (society.genomes != before).any(dim=1).tolist() == [True, False, True, False]


def test_who_learns_from_reward_learns_from_nothing_else_and_its_founder_talks():
    unpaid = {"reward_weight": 0.0, "value_weight": 0.0, "entropy_bonus": 0.0}
    (reward, _), (everything, _) = (
        years_of(tiny("guide", learning={"learn_from": source} | unpaid, selection={"strategy": "none"}), 0)
        for source in ("reward", "all")
    )
    assert torch.equal(reward.genomes, everything.genomes)  # the founder learned the same
    before = reward.genomes.clone()
    reward.step()
    everything.step()
    assert torch.equal(reward.genomes, before)
    assert not torch.equal(everything.genomes, before)
    paid, years = years_of(tiny("guide", learning={"learn_from": "reward"}, selection={"strategy": "none"}), 1)
    assert (years[0].genomes != years[1].genomes).any(dim=1).all()
    assert "loss_language" not in paid.measures
    assert paid.measures["loss_belief"] == paid.measures["loss_edit"] == paid.measures["loss_imitation"] == 0


# ---- twins and restarts ----

OPERATORS: dict[str, dict[str, Any]] = {
    "genes": {"selection": {"genes": True}},
    "safe": {"selection": {"mutation_kind": "safe"}},
    "expert": {"selection": {"crossover": "expert", "genes": True}},
    "layer": {"selection": {"crossover": "layer", "genes": True, "gene_crossover": "parent"}},
    "distil": {"selection": {"crossover": "distil"}, "learning": {"distil_rounds": 2}},
    "map-elites": {"selection": {"strategy": "map-elites", "crossover": "expert", "genes": True}},
    "elites": {"learning": {"learn_from": "elites", "elite_rounds": 2}, "selection": {"genes": True}},
    "reward": {"learning": {"learn_from": "reward"}},
    "no learning": {"learning": {"fine_tuning": False}, "selection": {"crossover": "layer", "genes": True}},
    "all": {
        "selection": {"strategy": "map-elites", "crossover": "distil", "genes": True, "mutation_kind": "safe"},
        "learning": {"learn_from": "elites", "elite_rounds": 2, "distil_rounds": 2},
        "channel": {"slow_copy_weight": 0.1},
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATORS)
def test_twins_and_who_goes_on_after_a_restart_are_equal_to_the_bit(name: str):
    options = {part: dict(changes) for part, changes in OPERATORS[name].items()}
    options["selection"] = HALF_GO | {"newborn_share": 0.5, "crossover_share": 0.8} | options.get("selection", {})
    config = tiny("guide" if name in ("genes", "reward") else "describe", generations=3, **options)
    (unstopped, years), (_, twins) = years_of(config), years_of(config)
    restored, num_compared = Society(config), 0
    for year, twin in zip(years[1:], twins[1:], strict=True):
        tensors, state = restored.tensors(), restored.state()
        restored = Society.restored(config, tensors, state)
        restored.step()
        for genomes in (twin.genomes, restored.genomes):
            assert torch.equal(genomes, year.genomes)
        for measures in (twin.measures, restored.measures):
            np.testing.assert_equal(measures, year.measures)
        for rows in (twin.rows, restored.boxling_rows):
            np.testing.assert_equal(rows, year.rows)
        num_compared += 1
    assert num_compared == 3
    assert_equal_societies(restored, unstopped)
    assert torch.isfinite(unstopped.genomes).all()


@pytest.mark.parametrize("name", ["safe", "distil", "elites"])
def test_how_many_threads_share_the_work_makes_no_difference(name: str):
    options = {part: dict(changes) for part, changes in OPERATORS[name].items()}
    options["selection"] = HALF_GO | {"crossover_share": 1.0} | options.get("selection", {})
    one, two = (
        years_of(tiny("describe", population=12, generations=2, threads=threads, **options))[0] for threads in (1, 2)
    )
    assert_equal_societies(one, two)


# ---- nonsense ----


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mutation_kind": "wild"}, "mutation_kind must be one of gaussian, safe, got 'wild'"),
        ({"crossover": "both"}, "crossover must be one of none, expert, layer, distil, got 'both'"),
        ({"gene_crossover": "max"}, "gene_crossover must be one of mean, parent, got 'max'"),
        ({"crossover_share": 1.5}, r"crossover_share must be in \[0, 1\], got 1.5"),
        ({"gene_step": -0.1}, "gene_step must be at least 0, got -0.1"),
        ({"experience_worlds": 0}, "experience_worlds must be at least 1, got 0"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        SelectionConfig(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learn_from": "books"}, "learn_from must be one of all, reward, elites, got 'books'"),
        ({"elite_share": 2}, r"elite_share must be in \[0, 1\], got 2"),
        ({"elite_rounds": -1}, "elite_rounds must be at least 0, got -1"),
        ({"distil_rounds": 0.5}, "distil_rounds must be a whole number, got 0.5"),
    ],
)
def test_nonsense_about_learning_is_refused_in_a_sentence(options: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        LearningConfig(**options)


def test_options_that_are_no_genes_are_refused_where_they_should_be_inherited():
    with pytest.raises(ValueError, match=r"learning_rate must be in .* to be inherited as a gene, got 0.5"):
        filled_config(tiny(selection={"genes": True}, learning={"learning_rate": 0.5}))
    assert filled_config(tiny(learning={"learning_rate": 0.5})).learning.learning_rate == 0.5
