"""A society: the generation loop as a `mesa.Model`, whose agents are boxlings.

One `step()` is one generation, in this order: live, judge, select and replace, fine-tune, collect. After the last one
comes a step in which the last population is judged as well, and the model stops running.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import mesa
import numpy as np
import torch

from evolution.archive import behaviour_of
from evolution.chance import stream, torch_stream
from evolution.config import MEASURED_WORLDS, LearningConfig, RunConfig, defaults_for
from evolution.dialogue import dialogue_round
from evolution.evaluate import converse, earned, earned_again, play, some_meanings
from evolution.imitate import imitate, lesson_of
from evolution.insight import insight
from evolution.learn import SHARD, Losses, RowAdam, acting_round, language_round
from evolution.live import Rollout, WorldSupply, live
from evolution.machine import check_device, prepare, share
from evolution.minds import (
    describe_minds,
    expert_features,
    load_minds,
    mind_tensors,
    restore_mind,
    with_models_told_apart,
)
from evolution.offspring import Rows, conceive, couples
from evolution.own_measures import own_measures
from evolution.pretrained import Ancestors, load_ancestors, seats_for
from evolution.records import BOXLINGS
from evolution.relive import Lived, gather, lived
from evolution.remembered import Remembered, episodes_of
from evolution.seats import draw_offsets, familiar_offsets, seat
from evolution.select import Judged, Replacement, Selection
from language.channel import Intervention
from language.measures import all_measures
from language.vocabulary import lexicon_of
from language.words import lexicon_of_words, train_words, word_tokenizer
from population.genes import NAMES, column, vary
from population.genes import founders as founders_genes
from population.lineage import NO_FATHER, NO_MOTHER, ORIGINS, Birth, Lineage
from population.policy import Policy
from population.spec import PolicySpec
from population.token_experts import LanguageModelExpert
from population.variation import gaussian
from world import scenarios
from world.recording import record, scene_of, start_columns
from world.splits import COMPOSITIONS, TRAIN

LESSONS_A_ROUND = 32  # from which a language model learns at once
MAX_SPEAKERS = 16  # by whom the language of a generation is measured, and recorded
FIRST_TEMPERATURE, LAST_TEMPERATURE = 1.5, 0.5  # of straight-through gradients while the founder learns
FADES_OVER = 0.25  # last share of a run (and of the founder's childhood) over which the learning rate falls to zero
AGENT_STEPS_A_CHECKPOINT = 1_000_000  # lived between two checkpoints where nobody learns, if nothing else is said
STEPS_OF_A_BOXLING = 4_000  # or, of a large population, by each, since a checkpoint of many takes longer
MEASUREMENTS = 20  # full ones, in a run without fine-tuning
CHILDHOOD_YEARS = 10  # measurements while the founder learns the language; in tables, generations -10 to -1
LANGUAGE_PARTS = ("ears",)  # what a newborn draws anew: how it understands words


class Boxling(mesa.Agent):
    """One inhabitant; its genome is a row of the society's matrix."""

    def __init__(self, model: Society, birth: Birth, slot: int, genes: np.ndarray) -> None:
        super().__init__(model)
        self.unique_id = birth.boxling  # ours: it goes on where a checkpoint left it, and is never reused
        self.birth = birth
        self.slot = slot
        self.learning_rate, self.entropy_bonus, self.temperature, self.mutation_step = genes.tolist()
        self.fitness = float("nan")
        self.as_guide = float("nan")
        self.as_builder = float("nan")
        self.is_eliminated = False

    # what the table of boxlings tells of each, besides the above

    @property
    def generation(self) -> int:
        return self.model.generation

    @property
    def boxling(self) -> int:
        return self.birth.boxling

    @property
    def mother(self) -> int:
        return self.birth.mother

    @property
    def father(self) -> int:
        return self.birth.father

    @property
    def birth_generation(self) -> int:
        return self.birth.birth_generation

    @property
    def origin(self) -> str:
        return self.birth.origin

    @property
    def age_generations(self) -> int:
        return self.model.generation - self.birth.birth_generation


class Collector(mesa.DataCollector):
    """What a run writes to disk, in memory: a row a generation with every measure, and a row a boxling that lived then.

    The generation is mesa's step of a row. A measure is NaN in generations in which it was not taken.
    """

    def __init__(self) -> None:
        super().__init__({"generation": "generation"}, {name: name for name in BOXLINGS.names})

    def collect(self, model: Society) -> None:
        for name in model.measures:
            if name not in self.model_reporters:
                self._new_model_reporter(name, partial(_measure_of, name=name))
                self.model_vars[name] = [float("nan")] * len(self.model_vars["generation"])
        super().collect(model)
        # mesa counts a step when it begins, and reads the rows of a batch from 0
        self._agent_records[model.generation] = self._agent_records.pop(model.steps)

    def _record_agents(self, model: Society) -> list[tuple[Any, ...]]:
        lived = [boxling for boxling in model.agents if boxling.age_generations >= 0]  # children live from the next on
        lived.sort(key=lambda boxling: boxling.slot)
        reporters = self.agent_reporters.values()
        return [(boxling.generation, boxling.boxling, *(report(boxling) for report in reporters)) for boxling in lived]


def _measure_of(society: Society, name: str) -> float:
    return society.measures.get(name, float("nan"))


def filled_config(config: RunConfig, is_begun: bool = False) -> RunConfig:
    """The configuration with every option that was left open filled in; ValueError for an unknown scenario.

    That of a run that has begun is left without a look at what it was seeded from, which may be gone.
    """
    scenario = scenarios.get(config.scenario)
    if not is_begun:
        config = with_models_told_apart(config)
    # by its full name: a file of levels lies where it lies, wherever the run is continued
    defaults = defaults_for(scenario.kind, scenario.attribute_sizes, scenario.is_decided_by_answers)
    steps = config.population * config.live_worlds * scenario.num_agents * scenario.num_steps  # at most
    # what is lost when a run is killed took about as long as a checkpoint takes, or is a generation
    worth = max(AGENT_STEPS_A_CHECKPOINT, STEPS_OF_A_BOXLING * config.population)
    between = 1 if config.learning.fine_tuning else max(1, worth // steps)
    suited = defaults | {"checkpoint_every": between}
    if not config.learning.fine_tuning:
        # where nobody learns, to measure a population fully takes as long as a generation of it, or many
        generations = config.generations or defaults["generations"]
        suited["measure_every"] = max(defaults["measure_every"], generations // MEASUREMENTS)
    filled = replace(config, scenario=scenario.name).filled(suited)
    policy_spec(filled)  # nonsense is refused before anything is written
    if filled.selection.genes:
        founders_genes(optional_genes(filled), 1)
    if filled.channel.length_cost and not filled.channel.variable_length:
        raise ValueError(f"length_cost goes with variable_length, got {filled.channel.length_cost} without it")
    for name in ("meaning_zipf", "half_told_share"):
        value = getattr(filled.learning, name)
        if scenario.guide_sees and value:
            raise ValueError(
                f"{name} must be 0 where guides see what they talk about, as in {scenario.kind}, got {value}"
            )
    if scenario.takes_turns:
        for part, name, only in (
            (filled.channel, "channel_gradient", ("straight-through", "reinforce", "none")),
            (filled.channel, "slow_copy_weight", (0.0,)),
            (filled.learning, "half_told_share", (0.0,)),
            (filled.learning, "meaning_zipf", (0.0,)),
        ):
            if getattr(part, name) not in only:
                expected = " or ".join(map(str, only))
                raise ValueError(
                    f"{name} must be {expected} in a dialogue such as {scenario.kind}, got {getattr(part, name)}"
                )
    return filled


def plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments as options of a run: numbers of numpy as Python's, and mesa's `rng` as the seed."""
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in options.items()}
    if "rng" in plain:
        if "seed" in plain:
            raise ValueError("a run follows from one number: expected seed or rng, got both")
        plain["seed"] = plain.pop("rng")
        if not isinstance(plain["seed"], int):
            raise ValueError(f"rng must be a whole number, from which the run follows, got {plain['seed']!r:.60}")
    return plain


def optional_genes(config: RunConfig) -> dict[str, float]:
    """The options of a run that can be inherited as genes."""
    return {
        "learning_rate": config.learning.learning_rate,
        "entropy_bonus": config.learning.entropy_bonus,
        "temperature": LAST_TEMPERATURE,
        "mutation_step": config.selection.mutation_step,
    }


def what_is_learned(learning: LearningConfig) -> LearningConfig:
    """What `learn_from` means for the other options; founders learn to talk before, whatever it is."""
    if learning.learn_from != "reward":
        return learning
    return replace(learning, language_rounds=0, belief_weight=0.0, edit_weight=0.0, imitation_weight=0.0)


def policy_spec(config: RunConfig) -> PolicySpec:
    """The sizes of the networks that a filled configuration asks for."""
    scenario = scenarios.get(config.scenario)
    policy, channel, lm = config.policy, config.channel, config.language_model

    def number(value: int | None) -> int:
        if value is None:
            raise ValueError("sizes of the networks are asked for before the scenario's defaults are filled in")
        return value

    return PolicySpec(
        attribute_sizes=scenario.attribute_sizes,
        visible_attributes=tuple(k for k, attribute in enumerate(scenario.attributes) if attribute.is_visible),
        num_actions=scenario.num_actions,
        num_looks=scenario.num_looks,
        view_shape=scenario.view_shape,
        num_symbols=number(channel.num_symbols),
        has_end=channel.variable_length,
        message_length=number(channel.message_length),
        is_told_goal=not scenario.guide_sees,
        width=number(policy.width),
        num_experts=policy.num_experts,
        expert_width=policy.expert_width,
        conv_channels=number(policy.conv_channels),
        near_cells=number(policy.near_cells),
        query_heads=number(policy.query_heads),
        is_asked=scenario.takes_turns,
        has_topics=policy.topics,
        own_experts=policy.own_experts,
        lm_width=lm.lm_width if lm.lm and lm.lm_as == "expert" else 0,
        lm_is_frozen=lm.lm_frozen,
    )


class Society(mesa.Model):
    """A population and everything that happens to it. See the module's docstring.

    Options of a run can be given by their names alone, in place of those of `config`: `Society(scenario="describe:3x6",
    population=4, seed=3)`, and so `mesa.batch_run(Society, {"strategy": ["truncation", "random"], "seed": range(3)})`.
    All follows from the seed, which mesa may also call `rng`, so that iterations of a batch are the same run again.

    `ancestors` seed the population; without them a founder learns the language alone, and its mutated copies begin.
    `on_progress(share, text)` is told how the founder's childhood goes. Who `collects` keeps every row in
    `datacollector` and every birth in `lineage`.
    """

    running: bool  # whether there is a step left

    def __init__(
        self,
        config: RunConfig | None = None,
        ancestors: Ancestors | None = None,
        on_progress: Callable[[float, str], None] | None = None,
        is_restored: bool = False,
        collects: bool = True,
        **kwargs: Any,  # the options by their names; so called, as mesa's pages look for a parameter of this name
    ) -> None:
        config = (config or RunConfig()).with_options(plain_options(kwargs))
        super().__init__(rng=stream(config.seed, "mesa"))
        self.config = config = filled_config(config, is_begun=is_restored)
        check_device(config.device)
        prepare(config.threads)
        if config.seed_from and ancestors is None and not is_restored:
            ancestors = load_ancestors(config.seed_from, policy_spec(config), config.scenario, config.seed)
            for sentence in ancestors.told:
                warnings.warn(sentence, stacklevel=2)
        self.scenario = scenarios.get(config.scenario)
        self.policy = Policy(policy_spec(config))
        self.layout = self.policy.layout
        self.minds = load_minds(config, self.policy.spec, self.scenario)  # boxlings that are a language model
        self.language_model = describe_minds(config)  # as checkpoints tell of it
        self.num_own = config.population - config.language_model.num_boxlings  # the others, in the first slots
        self.generation = 0
        self.num_generations = int(config.generations or 0)
        self.next_id = 1
        self.agent_steps = 0  # of the last generation, lived and learned from
        self.measures: dict[str, float] = {}
        self.boxling_rows: list[dict[str, Any]] = []
        self.episode_rows: list[dict[str, Any]] = []
        self.lexicon: list[Any] = []
        self.tokenizer = word_tokenizer(self.policy.spec.num_symbols).to_str(pretty=True)
        # first words of a measured generation: by split meanings (M, K) and messages (P, M, L); ids of who says them
        self.spoken: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.speakers = np.zeros(0, np.int64)
        self.childhood: list[dict[str, float]] = []  # measures while the founder learned the language
        self.slots: list[Boxling] = []
        self.selection = Selection(config.selection)
        self.behaviour = np.zeros((config.population, 2))  # of the generation judged last, see `evolution.archive`
        self.lives: Rollout | None = None  # of the generation judged last, where somebody learns from it
        self.remembered: Remembered | None = None  # an episode of everybody, and of everybody's ancestors
        self.best_validated: int | None = None  # slot of the elite that did best when judged again
        self.learning = what_is_learned(config.learning)
        self.optimiser: RowAdam | None = None  # where nobody learns
        if config.learning.fine_tuning:
            self.optimiser = RowAdam(config.population, self.layout.num_parameters, config.device)
        self.genomes = torch.zeros(config.population, self.layout.num_parameters, device=config.device)
        # (P, genes), see `population.genes`; where they are not inherited they are the run's options, and never change
        self.genes = np.tile([optional_genes(config)[name] for name in NAMES], (config.population, 1))
        self.slow_genomes = torch.zeros_like(self.genomes) if config.channel.slow_copy_weight else None
        self.collects = collects
        self.births: list[Birth] = []  # all that there were, if it collects
        self.datacollector = Collector()
        if not is_restored:
            self._found(ancestors, on_progress)

    # ------------------------------------------------------------------ birth

    def _found(self, ancestors: Ancestors | None, on_progress: Callable[[float, str], None] | None) -> None:
        config = self.config
        device, population = config.device, config.population
        rng = stream(config.seed, "founders")
        if ancestors is not None:
            source, is_copy = seats_for(ancestors, population)
            exact = torch.from_numpy(ancestors.genomes).to(device)
            self._learn_tokens(exact)
            origin = "seed"
        else:
            exact = torch.from_numpy(self.layout.draw(min(config.selection.founders, population), rng)).to(device)
            self._learn_tokens(exact)
            self._raise_founders(exact, on_progress)
            source, is_copy = np.arange(population) % len(exact), np.arange(population) >= len(exact)
            origin = "founder"
        self.genomes = exact[torch.from_numpy(source).to(device)]
        if config.selection.genes and ancestors is not None and ancestors.genes is not None:
            theirs = ancestors.genes[source]
            self.genes = np.where(np.isfinite(theirs), theirs, self.genes)
        if config.selection.mutation and is_copy.any():
            if config.selection.genes:
                self.genes[is_copy] = vary(self.genes[is_copy], config.selection.gene_step, rng)[0]
            self.genomes[torch.from_numpy(is_copy).to(device)] = gaussian(
                self.genomes[torch.from_numpy(is_copy).to(device)], self.layout,
                column(self.genes[is_copy], "mutation_step"),
                torch_stream(config.seed, "founders", device=device),
            )  # fmt: skip
        for slot in range(population):
            kind = origin if slot < self.num_own else "language-model"
            self._give_birth(slot, NO_MOTHER, NO_FATHER, self.generation, kind)
        if self.slow_genomes is not None:
            self.slow_genomes.copy_(self.genomes)

    def _learn_tokens(self, genomes: torch.Tensor) -> None:
        """What a language model makes of all tokens, where it is an expert, goes into these genomes."""
        features = expert_features(self.config, self.policy.spec, self.scenario)
        if features is not None:
            flat = torch.from_numpy(features.ravel()).to(genomes.device)
            genomes[:, self.layout.slices[LanguageModelExpert().in_full("features")]] = flat

    def _give_birth(self, slot: int, mother: int, father: int, generation: int, origin: str) -> None:
        """A new boxling in a slot."""
        self._settle(slot, Birth(self.next_id, mother, generation, origin, father))
        self.next_id += 1

    def _settle(self, slot: int, birth: Birth) -> Boxling:
        self.slots[slot : slot + 1] = [boxling := Boxling(self, birth, slot, self.genes[slot])]
        if self.collects:
            self.births.append(birth)
        return boxling

    @property
    def lineage(self) -> Lineage:
        """All births so far; of a restored society those since then, and of whoever lived then."""
        if not self.collects:
            raise ValueError("a society that does not collect knows the living alone, ask load_run(folder).lineage")
        return Lineage.of_births(self.births)

    def _raise_founders(self, founders: torch.Tensor, on_progress: Callable[[float, str], None] | None) -> None:
        """Let founders (F, parameters) learn to talk, each with itself: cheap, and who descends from one shares a
        language from the start."""
        learning = self.config.learning
        talks = learning.fine_tuning and self.scenario.has_guide and self.num_own > 0
        rounds = int(learning.founder_rounds or 0) if talks else 0
        rng = stream(self.config.seed, "founder")
        generator = torch_stream(self.config.seed, "founder", device=self.config.device)
        optimiser = RowAdam(len(founders), self.layout.num_parameters, self.config.device)
        slow = founders.clone() if self.config.channel.slow_copy_weight else None
        every = int(learning.newborn_listener_every or 0)
        unit = "a choice" if self.scenario.num_choices else "an attribute"
        ages = {rounds * k // CHILDHOOD_YEARS for k in range(CHILDHOOD_YEARS)} if rounds else set()
        for i in range(rounds):
            progress = i / rounds
            if i in ages:
                self.childhood.append(self._language_measures(founders, offsets=(0,)))  # each talks with itself
            if every and i and i % every == 0 and progress < 1 - FADES_OVER:
                self._renew(founders, optimiser, np.arange(len(founders)), LANGUAGE_PARTS, rng, slow)
            surprise = self._language_round(
                founders, optimiser, slow, 0, 2 * int(learning.language_batch or 1), progress, fading(progress),
                rng, generator,
            )  # fmt: skip
            if on_progress is not None and i % 20 == 0:
                bits = float(surprise.mean()) / np.log(2)
                who = "the founder learns" if len(founders) == 1 else "the founders learn"
                on_progress(progress, f"{who} to talk (surprise {bits:.2f} bits {unit})")

    def _renew(
        self, genomes: torch.Tensor, optimiser: RowAdam | None, rows: np.ndarray, parts: tuple[str, ...],
        rng: np.random.Generator, slow_genomes: torch.Tensor | None = None,
    ) -> None:  # fmt: skip
        """Draw parts of boxlings anew. New ears have to learn the language: only a code that is easily learned
        survives that."""
        columns = self._columns(*parts)
        places = torch.from_numpy(rows).to(genomes.device)
        fresh = torch.from_numpy(self.layout.draw(len(rows), rng)).to(genomes.device)
        genomes[places] = torch.where(columns, fresh, genomes[places])
        if optimiser is not None:
            optimiser.forget(places, columns)
        if slow_genomes is not None:  # a slow copy of other ears would be no copy
            slow_genomes[places] = torch.where(columns, fresh, slow_genomes[places])

    def _columns(self, *parts: str) -> torch.Tensor:
        return torch.from_numpy(self.layout.columns_of(*parts)).to(self.genomes.device)

    # ------------------------------------------------------------------ one generation

    def step(self) -> None:
        """One generation; the last judgement where all are over; and nothing after that."""
        if not self.running:
            return
        self.running = self.generation < self.num_generations
        self.judge()
        if self.running:
            self._replace()
            self.agent_steps += self._fine_tune()
        if self.collects:
            self.datacollector.collect(self)
        if not self.running:
            return
        for boxling in [boxling for boxling in self.agents if boxling.is_eliminated]:
            boxling.remove()
        self.generation += 1

    @property
    def progress(self) -> float:
        """Share of the run that is over, [0, 1]."""
        return self.generation / max(1, self.num_generations)

    def judge(self) -> None:
        """Live on fresh worlds with every partner, strangers and newborns included, and record what comes of it."""
        config = self.config
        is_last = self.generation == self.num_generations
        is_measured = is_last or self.generation % int(config.measure_every or 1) == 0
        is_recorded = is_last or self.generation % int(config.record_every or 1) == 0
        seed = int(stream(config.seed, "live", self.generation).integers(2**31))
        num_recorded = config.recorded_episodes if is_recorded else 0
        options: dict[str, Any] = {
            "worlds_per_boxling": config.live_worlds,
            "hearing_radius_cells": config.channel.hearing_radius_cells,
            "seed": seed,
            "minds": self.minds,
        }
        rollout, numbers = play(
            self.policy, self.genomes, self.scenario,
            num_recorded=min(num_recorded, config.live_worlds * config.population),
            num_noted=config.population if config.recorded_episodes else 0, keeps=self.teaches, **options,
        )  # fmt: skip
        self.agent_steps = rollout.lived_steps
        self._give_fitness(*earned(rollout))
        validation = self._judge_elites_again()
        self.behaviour = behaviour_of(rollout.said_counts, rollout.act_counts)
        measures = self._measures_of(rollout) | validation
        self.spoken = {}
        if is_measured:
            enough = {
                **options,
                "worlds_per_boxling": min(config.live_worlds, -(-MEASURED_WORLDS // config.population)),
            }
            for name, split, channel in (
                ("success_muted", "train", "mute"),
                ("success_shuffled", "train", "shuffle"),
                ("success_held_out", "held-out", "on"),
            ):
                if split not in self.scenario.splits or (channel != "on" and not self.scenario.has_guide):
                    continue  # nothing is held out of a single level; where nobody guides nobody talks
                other, _ = play(self.policy, self.genomes, self.scenario, split=split, channel=channel, **enough)
                measures[name] = float(other.worlds.is_won.mean())
                if name == "success_held_out" and self.scenario.has_guide:
                    measures["understanding_held_out"] = float(other.is_understood.mean())
            if self.scenario.has_guide and self.num_own:
                slots = self._heard_slots()
                self.speakers = np.array([self.slots[slot].unique_id for slot in slots])
                found = self._language_measures(self.genomes[slots], best=slots.index(self._fittest_slot()))
                measures = _joined(measures, found)
        self.measures = measures
        self.lives = rollout if self.teaches else None
        self.episode_rows = episode_rows(self, rollout, numbers) if num_recorded else []
        if config.recorded_episodes:
            self._remember(rollout, numbers)
        self.boxling_rows = [{name: getattr(boxling, name) for name in BOXLINGS.names} for boxling in self.slots]

    def _remember(self, rollout: Rollout, numbers: np.ndarray) -> None:
        """Of everybody the world that it led first, in place of that of the generation before."""
        births = [boxling.birth for boxling in self.slots]
        boxling = np.array([birth.boxling for birth in births])
        elites = self.selection.archive.boxling if self.selection.archive is not None else boxling[:0]
        lives = episodes_of(
            rollout, numbers, boxling, np.array([birth.mother for birth in births]), self.generation,
            self.scenario.num_steps,
        )  # fmt: skip
        self.remembered = lives if self.remembered is None else self.remembered.then(lives, elites)

    def _give_fitness(self, as_guide: np.ndarray, as_builder: np.ndarray) -> None:
        """Raw fitness: mean reward over worlds, half for guiding and half for building; higher is better."""
        fitness = self._raw_fitness(as_guide, as_builder)
        # a genome that is no number earns something by acts that mean nothing
        fitness[~torch.isfinite(self.genomes).all(dim=1).cpu().numpy()] = np.nan
        for slot, boxling in enumerate(self.slots):
            boxling.as_guide, boxling.as_builder = float(as_guide[slot]), float(as_builder[slot])
            boxling.fitness = float(fitness[slot])

    def _raw_fitness(self, as_guide: np.ndarray, as_builder: np.ndarray) -> np.ndarray:
        """(P,) float64; where nobody guides, building is all there is."""
        return (as_guide + as_builder) / 2 if self.scenario.has_guide else as_builder.copy()

    def _judge_elites_again(self) -> dict[str, float]:
        """Judge the fittest by fresh worlds alone, where that is asked for; returns what became of their fitness."""
        config = self.config
        fitness = np.array([boxling.fitness for boxling in self.slots])
        elites = self._fittest(config.selection.revalidated_elites)
        self.best_validated = None
        if not len(elites):
            return {}
        as_guide, as_builder, lived_steps = earned_again(
            self.policy, self.genomes, self.scenario, elites,
            worlds_per_boxling=config.live_worlds, hearing_radius_cells=config.channel.hearing_radius_cells,
            seed=int(stream(config.seed, "validate", self.generation).integers(2**31)),
        )  # fmt: skip
        self.agent_steps += lived_steps
        validated = self._raw_fitness(as_guide, as_builder)
        for k, slot in enumerate(elites.tolist()):
            boxling = self.slots[slot]
            boxling.as_guide, boxling.as_builder = float(as_guide[k]), float(as_builder[k])
            boxling.fitness = float(validated[k])
        self.best_validated = int(elites[validated.argmax()])
        return {
            "elite_fitness_before": float(fitness[elites].mean()),
            "elite_fitness_after": float(validated.mean()),
        }

    def _fittest(self, number: int) -> np.ndarray:
        """Slots of so many of the fittest, the best first; nobody who has no fitness, as those who are just born."""
        fitness = np.array([boxling.fitness for boxling in self.slots])
        finite = np.flatnonzero(np.isfinite(fitness[: self.num_own]))
        return finite[np.argsort(-fitness[finite], kind="stable")][:number]

    def _measures_of(self, rollout: Rollout) -> dict[str, float]:
        fitness = np.array([boxling.fitness for boxling in self.slots])
        finite = fitness[np.isfinite(fitness)]
        measures = {
            "fitness_mean": float(finite.mean()) if len(finite) else float("nan"),
            "fitness_best": float(finite.max()) if len(finite) else float("nan"),
            "fitness_worst": float(finite.min()) if len(finite) else float("nan"),
            "fitness_not_finite": float(len(fitness) - len(finite)),
            "success": float(rollout.worlds.is_won.mean()),
            "visual_calls": float(rollout.use.visual_calls),
            "visual_tokens": float(rollout.use.visual_tokens),
        }
        if self.scenario.has_guide:
            measures["understanding"] = float(rollout.is_understood.mean())
            measures["chance"] = self.scenario.chance_success()
        if self.config.selection.genes:
            measures |= {f"gene/{name}": float(column(self.genes, name).mean()) for name in NAMES}
        shares = rollout.use.shares()
        for (modality, expert), part in shares.items():
            measures[f"expert_use/{modality}/{expert}"] = part
        others = np.array(
            [
                [shares[m, expert] for expert in rollout.use.experts]
                for m in ("heard", "body")
                if (m, "expert_0") in shares
            ]
        )
        if others.size:
            load = others.mean(axis=0)
            measures["expert_load_entropy"] = float(-(load * np.log2(np.maximum(load, 1e-12))).sum())
        return measures

    def _fittest_slot(self) -> int:
        own = self.slots[: self.num_own]
        return int(np.argmax([np.nan_to_num(boxling.fitness, nan=-np.inf) for boxling in own]))

    def _heard_slots(self) -> list[int]:
        """Those by whom the language is measured: all, or of very many the fittest and others by chance.

        Everybody's with everybody would cost as much as all lives of a population of some hundreds."""
        drawn = stream(self.config.seed, "speakers", self.generation).permutation(self.num_own)
        fittest = self._fittest_slot()
        others = [int(slot) for slot in drawn if slot != fittest]
        return sorted([fittest, *others[: MAX_SPEAKERS - 1]])

    def _language_measures(
        self, genomes: torch.Tensor, offsets: tuple[int, ...] | None = None, best: int = 0
    ) -> dict[str, float]:
        """Measures of what boxlings would say first of meanings, and of how it is understood; means over boxlings.

        Who listens is at these `offsets` from who speaks, by default everybody else; the lexicon is that of the `best`.

        A language of very many meanings is measured, and recorded, by a sample of them.
        """
        population, scenario, num_symbols = len(genomes), self.scenario, self.policy.spec.num_symbols
        measures: dict[str, float] = {}
        for split, name in ((TRAIN, "first_words_understood"), (COMPOSITIONS, "first_words_understood_held_out")):
            if split in scenario.splits:
                meanings = some_meanings(scenario, split)
                talk = converse(self.policy, genomes, scenario, split=split, offsets=offsets, meanings=meanings)
                self.spoken[split] = talk.languages(population)
                measures[name] = talk.success
        meanings, messages = self.spoken[TRAIN]
        tokenizer = train_words(messages.reshape(-1, messages.shape[-1]), num_symbols, num_speakers=population)
        self.tokenizer = tokenizer.to_str(pretty=True)
        self.lexicon = [
            *lexicon_of(meanings, messages[best], scenario.attributes),
            *lexicon_of_words(meanings, messages[best], scenario.attributes, tokenizer),
        ]
        measures |= all_measures(meanings, messages, num_symbols)
        measures["symbols_in_use"] = measures.pop("effective_symbols")
        return _joined(measures, own_measures(meanings, messages, num_symbols))

    # ------------------------------------------------------------------ selection

    def _heritage(self, slots: np.ndarray) -> dict[str, np.ndarray]:
        """All that children of these slots (N,) inherit, (N, ...) each: genomes, genes, and where their learning is."""
        rows = torch.from_numpy(slots).to(self.genomes.device)
        inherited = {"genomes": self.genomes[rows].cpu().numpy(), "genes": self.genes[slots]}
        if self.optimiser is None:
            return inherited
        optimiser = self.optimiser.take(rows)
        return inherited | {name: getattr(optimiser, name).cpu().numpy() for name in RowAdam.ROWS}

    def _replace(self) -> None:
        """Let those whom the strategy chooses make place for children of others."""
        config = self.config.selection
        rng = stream(self.config.seed, "select", self.generation)
        own = self.slots[: self.num_own]  # a language model neither goes nor has children
        if not own:
            return
        self.selection.tell(
            Judged(
                raw_fitness=np.array([boxling.fitness for boxling in own]),
                age_generations=np.array([boxling.age_generations for boxling in own]),
                is_newborn=np.array([boxling.birth.origin == "newborn" for boxling in own]),
                behaviour=self.behaviour[: len(own)],
                boxling=np.array([boxling.unique_id for boxling in own]),
                heritage=self._heritage,
                protected_slot=self.best_validated,
            )
        )
        replacements = self.selection.ask(rng, self.progress)
        slots = np.array([each.slot for each in replacements], np.int64)
        is_newborn = np.array([each.is_newborn for each in replacements], bool)
        places = torch.from_numpy(slots).to(self.genomes.device)
        mothers, fathers = np.full(len(slots), NO_MOTHER), np.full(len(slots), NO_FATHER)
        origins = np.where(is_newborn, "newborn", "mutant")
        if any(each.parent is None for each in replacements):  # then all are drawn anew
            origins[:] = "drawn"
            self._renew(self.genomes, self.optimiser, slots, self.layout.parts, rng)
            if self.optimiser is not None:
                self.optimiser.num_updates[places] = 0
            self.genes[slots] = [optional_genes(self.config)[name] for name in NAMES]
        elif replacements:
            mothers, fathers = self._bear(replacements, slots, rng)
            parts = LANGUAGE_PARTS if config.newborns_inherit else self.layout.parts
            self._renew(self.genomes, self.optimiser, slots[is_newborn], parts, rng)
        if self.slow_genomes is not None:
            self.slow_genomes[places] = self.genomes[places]
        births = zip(slots.tolist(), mothers.tolist(), fathers.tolist(), origins.tolist(), strict=True)
        for slot, mother, father, origin in births:
            self.slots[slot].is_eliminated = True
            self.boxling_rows[slot]["is_eliminated"] = True
            # alive from the next generation on
            self._give_birth(slot, mother, father, self.generation + 1, origin)
        if self.progress < float(config.newborns_until or 0.0):
            stay = rng.permutation(np.setdiff1d(np.arange(self.num_own), slots))
            renewed = stay[: config.renewed_listeners]
            self._renew(self.genomes, self.optimiser, renewed, LANGUAGE_PARTS, rng, self.slow_genomes)
        self.measures["eliminated"] = float(len(replacements))
        self.measures["newborns"] = float(is_newborn.sum())
        self.measures |= self.selection.measures()

    def _bear(
        self, replacements: list[Replacement], slots: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Children take the places of those who go, in these `slots`; returns ids of mothers and fathers, (N,) each."""
        config, archive = self.config, self.selection.archive
        if archive is not None:
            fitness, ids = archive.fitness, archive.boxling
        else:
            fitness = np.array([boxling.fitness for boxling in self.slots])
            ids = np.array([boxling.unique_id for boxling in self.slots])
        of_two = 0.0 if config.selection.crossover == "none" else config.selection.crossover_share
        pairs = couples(replacements, fitness, of_two, rng)
        parents, among_parents = pairs.everybody()
        inherited = self._heritage(parents) if archive is None else archive.inherited(parents)
        rows: Rows = {name: torch.from_numpy(array).to(self.genomes.device) for name, array in inherited.items()}
        children, measures = conceive(self.policy, self.scenario, rows, among_parents, config, self.generation)
        places = torch.from_numpy(slots).to(self.genomes.device)
        self.genomes[places] = children["genomes"]
        self.genes[slots] = children["genes"].cpu().numpy()
        if self.optimiser is not None:
            for name in RowAdam.ROWS:
                getattr(self.optimiser, name)[places] = children[name]
        self.agent_steps += int(measures.pop("agent_steps", 0))
        self.measures |= measures
        return ids[pairs.mother], np.where(pairs.has_father, ids[pairs.father], NO_FATHER)

    # ------------------------------------------------------------------ learning

    def _fine_tune(self) -> int:
        """Learn within this lifetime; returns the agent-steps that were lived for it."""
        learning = self.learning
        self._teach_minds()
        if self.optimiser is None or not self.num_own:
            return 0
        if learning.learn_from == "elites":
            return self._follow_elites()
        rng = stream(self.config.seed, "learn", self.generation)
        generator = torch_stream(self.config.seed, "learn", self.generation, device=self.config.device)
        rate = fading(self.progress)
        rollouts = int(learning.acting_rounds or 0)
        talks = int(learning.language_rounds or 0) if self.scenario.has_guide else 0
        slow = None if self.slow_genomes is None else self.slow_genomes[: self.num_own]
        surprises: list[float] = []
        losses: list[Losses] = []
        steps = 0
        for turn in range(max(1, rollouts)):
            for _ in range(talks * (turn + 1) // max(1, rollouts) - talks * turn // max(1, rollouts)):
                offset = int(rng.choice(familiar_offsets(self.num_own)))
                surprise = self._language_round(
                    self.genomes[: self.num_own], self.optimiser, slow, offset, int(learning.language_batch or 1),
                    self.progress if not learning.founder_rounds else 1.0, rate, rng, generator, self._own_genes(),
                )  # fmt: skip
                surprises.append(float(surprise.mean()))
            if rollouts:
                rollout = self._rollout(rng)
                steps += rollout.lived_steps
                life = lived(rollout, self.policy.spec, learning.discount, learning.gae_lambda, self.config.device)
                losses += [self._acting_round(life, rate) for _ in range(int(learning.epochs or 1))]
        if surprises:
            self.measures["loss_language"] = float(np.mean(surprises))
        for name in ("policy", "value", "belief", "edit", "imitation", "entropy"):
            if losses:
                self.measures[f"loss_{name}"] = float(np.mean([getattr(loss, name) for loss in losses]))
        return steps

    @property
    def teaches(self) -> bool:
        """Whether a language model learns from what others do."""
        own = self.config.language_model
        return self.minds is not None and not own.lm_frozen and own.lm_rounds > 0

    def _teach_minds(self) -> None:
        """The language model learns to predict what others said, did and answered in worlds that were won."""
        if self.minds is None or self.lives is None:
            return
        own, lives, minds = self.config.language_model, self.lives, self.minds
        rng = stream(self.config.seed, "minds", self.generation)
        is_taught = np.broadcast_to(lives.worlds.is_won[:, None], lives.seating.genome_of.shape)
        if self.num_own:
            is_taught = is_taught & (lives.seating.genome_of < self.num_own)
        lessons = minds.lessons(lives.moments, is_taught, own.lm_rounds * LESSONS_A_ROUND, rng)
        if lessons:
            losses = minds.model.fit(
                lambda step: lessons[step * LESSONS_A_ROUND : (step + 1) * LESSONS_A_ROUND],
                num_steps=own.lm_rounds, learning_rate=own.lm_learning_rate, seed=int(rng.integers(2**31)),
            )  # fmt: skip
            self.measures["loss_lm"] = float(np.mean(losses))

    def _language_round(
        self, genomes: torch.Tensor, optimiser: RowAdam, slow_genomes: torch.Tensor | None, offset: int, batch: int,
        progress: float, rate: float, rng: np.random.Generator, generator: torch.Generator,
        genes: dict[str, torch.Tensor] | None = None,
    ) -> torch.Tensor:  # fmt: skip
        """`progress` in [0, 1] of learning to talk: gradients sharpen, and symbols are drawn less evenly.

        With `genes` every genome learns at its own rate, and its gradients are as sharp as its own temperature at the
        end of the schedule makes them.
        """
        learning = self.config.learning
        options: dict[str, Any] = {
            "channel": self.config.channel, "batch": batch, "offset": offset,
            "temperature": FIRST_TEMPERATURE * (LAST_TEMPERATURE / FIRST_TEMPERATURE) ** progress,
            "entropy_bonus": float(learning.message_entropy_bonus or 0.0) * (1 - progress),
            "learning_rate": learning.learning_rate * rate, "max_norm": learning.gradient_norm,
            "rng": rng, "generator": generator,
        }  # fmt: skip
        if genes is not None:
            options["learning_rate"] = genes["learning_rate"].unsqueeze(1) * rate
            options["temperature"] *= (genes["temperature"] / LAST_TEMPERATURE).view(-1, 1, 1, 1)
        if self.scenario.takes_turns:
            return dialogue_round(self.policy, genomes, optimiser, self.scenario, **options)
        return language_round(
            self.policy, genomes, optimiser, self.scenario, slow_genomes=slow_genomes,
            half_told_share=float(learning.half_told_share or 0.0), meaning_zipf=learning.meaning_zipf, share=share,
            **options,
        )  # fmt: skip

    def _rollout(self, rng: np.random.Generator) -> Rollout:
        """Worlds to learn from: new ones come in where one is over, and only familiar partners meet."""
        config, learning = self.config, self.learning
        population = self.num_own
        worlds = self.scenario.generate(rng.integers(2**62, size=population * learning.acting_worlds), "train")
        offsets = draw_offsets(rng, familiar_offsets(population), learning.acting_worlds, self.scenario.num_agents - 1)
        advised = 0.0
        if learning.imitation_weight and learning.advised_until:
            advised = learning.advised_share * max(0.0, 1 - self.progress / learning.advised_until)
        return live(
            self.policy, self.genomes[:population], self.scenario, worlds, seat(worlds.role, population, offsets),
            channel=Intervention(symbol_noise=config.channel.symbol_noise),
            hearing_radius_cells=config.channel.hearing_radius_cells, rng=rng, explores=True,
            keeps=True, supply=WorldSupply(self.scenario, "train", rng), advised_share=advised,
        )  # fmt: skip

    def _acting_round(self, life: Lived, rate: float) -> Losses:
        learning, genes = self.learning, self._own_genes()
        assert self.optimiser is not None
        rates: float | torch.Tensor = learning.learning_rate * rate
        bonuses: float | torch.Tensor = learning.entropy_bonus
        if genes is not None:
            rates, bonuses = genes["learning_rate"].unsqueeze(1) * rate, genes["entropy_bonus"]
        return acting_round(
            self.policy, self.genomes[: self.num_own], self.optimiser, life,
            learning_rate=rates, max_norm=learning.gradient_norm, clip=learning.ppo_clip,
            entropy_bonus=bonuses, belief_weight=learning.belief_weight,
            edit_weight=learning.edit_weight, imitation_weight=learning.imitation_weight,
            reward_weight=learning.reward_weight, value_weight=learning.value_weight,
            gradient=self.config.channel.channel_gradient, share=share,
        )  # fmt: skip

    def _own_genes(self) -> dict[str, torch.Tensor] | None:
        """Each gene of all boxlings, (P,) float32; None where genes are not inherited."""
        if not self.config.selection.genes:
            return None
        own = self.genes[: self.num_own]
        return {name: torch.from_numpy(column(own, name)).float().to(self.genomes.device) for name in NAMES}

    def _follow_elites(self) -> int:
        """All who are no elites learn to do as one of them does, where it has been; returns the steps of agents there.

        Whose elite it is, chance decides.
        """
        config, learning = self.config, self.learning
        elites = self._fittest(max(1, int(learning.elite_share * self.num_own + 1e-9)))
        students = np.setdiff1d(np.arange(self.num_own), elites)
        if not len(elites) or not len(students):
            return 0
        assert self.optimiser is not None
        device = self.genomes.device
        rng = stream(config.seed, "elites", self.generation)
        teachers = self.genomes[torch.from_numpy(elites).to(device)]
        experience = gather(
            self.policy, teachers, self.scenario, worlds_each=config.selection.experience_worlds, rng=rng,
            hearing_radius_cells=config.channel.hearing_radius_cells,
        )  # fmt: skip
        lesson = lesson_of(self.policy, teachers, experience)
        teacher_of = torch.from_numpy(rng.integers(len(elites), size=len(students))).to(device)
        places = torch.from_numpy(students).to(device)
        rates = torch.from_numpy(column(self.genes, "learning_rate")).float().to(device) * fading(self.progress)
        far = torch.zeros(learning.elite_rounds, len(students), device=device)
        optimiser = self.optimiser

        def work(first: int, last: int) -> None:
            for shard in range(first, last):
                rows = slice(shard * SHARD, (shard + 1) * SHARD)
                own, moments = self.genomes[places[rows]], optimiser.take(places[rows])
                far[:, rows] = imitate(
                    self.policy, own, [lesson.of(teacher_of[rows])], moments,
                    learning_rate=rates[places[rows]].unsqueeze(1), max_norm=learning.gradient_norm,
                    rounds=learning.elite_rounds,
                )  # fmt: skip
                self.genomes[places[rows]] = own
                optimiser.put(places[rows], moments)

        share(work, -(-len(students) // SHARD))
        if far.numel():
            self.measures["loss_elites"] = float(far.mean())
        return int(sum(part.is_active.sum() for part in experience))

    # ------------------------------------------------------------------ state

    def tensors(self) -> dict[str, np.ndarray]:
        """What makes these boxlings what they are: the model of a checkpoint."""
        return {
            "genomes": self.genomes.cpu().numpy(),
            "fitness": np.array([boxling.fitness for boxling in self.slots]),
            **({"genes": self.genes} if self.config.selection.genes else {}),
            **(mind_tensors(self.minds) if self.minds is not None and self.teaches else {}),
        }

    def state(self) -> dict[str, np.ndarray]:
        """What else the next generation reads: the rest of a checkpoint."""
        births = [boxling.birth for boxling in self.slots]
        optimiser = {} if self.optimiser is None else {name: getattr(self.optimiser, name) for name in RowAdam.ROWS}
        return {
            **{f"optimiser.{name}": rows.cpu().numpy() for name, rows in optimiser.items()},
            **({} if self.slow_genomes is None else {"slow_genomes": self.slow_genomes.cpu().numpy()}),
            **self.selection.state(),
            **({} if self.remembered is None else self.remembered.state()),
            "generation": np.array([self.generation]),
            "next_id": np.array([self.next_id]),
            "boxling": np.array([birth.boxling for birth in births]),
            "mother": np.array([birth.mother for birth in births]),
            "father": np.array([birth.father for birth in births]),
            "birth_generation": np.array([birth.birth_generation for birth in births]),
            "origin": np.array([ORIGINS.index(birth.origin) for birth in births]),
            "as_guide": np.array([boxling.as_guide for boxling in self.slots]),
            "as_builder": np.array([boxling.as_builder for boxling in self.slots]),
        }

    @staticmethod
    def restored(
        config: RunConfig, tensors: dict[str, np.ndarray], state: dict[str, np.ndarray], collects: bool = True
    ) -> Society:
        """The society that a checkpoint was made of, to the bit."""
        society = Society(config, is_restored=True, collects=collects)
        expected = tuple(society.genomes.shape)
        if tensors["genomes"].shape != expected:
            raise ValueError(f"the checkpoint's genomes must have shape {expected}, got {tensors['genomes'].shape}")
        device = society.config.device
        society.genomes = torch.from_numpy(tensors["genomes"].copy()).to(device)
        if society.slow_genomes is not None:
            society.slow_genomes = torch.from_numpy(state["slow_genomes"].copy()).to(device)
        society.selection.restore(state)
        society.remembered = Remembered.restored(state)
        if society.minds is not None:
            restore_mind(society.minds, tensors)
        society.generation = society.steps = int(state["generation"][0])
        society.next_id = int(state["next_id"][0])
        if society.config.selection.genes:
            society.genes = tensors["genes"].copy()
        for name in RowAdam.ROWS if society.optimiser is not None else ():
            setattr(society.optimiser, name, torch.from_numpy(state[f"optimiser.{name}"].copy()).to(device))
        for slot in range(society.config.population):
            birth = Birth(
                int(state["boxling"][slot]),
                int(state["mother"][slot]),
                int(state["birth_generation"][slot]),
                ORIGINS[int(state["origin"][slot])],
                int(state["father"][slot]),
            )
            boxling = society._settle(slot, birth)
            boxling.fitness = float(tensors["fitness"][slot])
            boxling.as_guide = float(state["as_guide"][slot])
            boxling.as_builder = float(state["as_builder"][slot])
        return society


def _joined(measures: dict[str, float], others: dict[str, float]) -> dict[str, float]:
    """Both; ValueError for a name that is in both, as somebody else's measure may have."""
    if twice := sorted(measures.keys() & others.keys()):
        raise ValueError(f"measure {twice[0]} must have another name: every run records one of this name")
    return measures | others


def fading(progress: float) -> float:
    """Factor of the learning rate: 1, and over the last quarter of the time down to 0."""
    return min(1.0, (1 - progress) / FADES_OVER)


def episode_rows(society: Society, rollout: Rollout, numbers: np.ndarray) -> list[dict[str, Any]]:
    """The recorded worlds of a rollout as rows of an episode table."""
    assert rollout.start is not None
    start = rollout.start
    states = [start, *rollout.states]
    attention, expert_use = insight(society.policy, society.genomes, rollout, society.scenario)
    # a language model attends by means of its own, and uses none of these experts
    for t, b, a in np.argwhere(np.stack([rollout.seating.genome_of[: len(start)] >= society.num_own] * len(attention))):
        attention[t][b][a], expert_use[t][b][a] = attention[t][b][a][:0], 0 * expert_use[t][b][a]
    rows = []
    for b in range(len(start)):
        steps = int(rollout.states[-1].steps_taken[b])
        scenes = [scene_of(state, b) for state in states[: steps + 1]]
        changes = [record(before, after) for before, after in pairwise(scenes)]
        rows.append(
            {
                "generation": society.generation,
                "episode": b,
                "scenario": society.scenario.name,
                "split": "train",
                "world_number": int(numbers[b]),
                "channel": "on",
                **start_columns(start, b),
                "boxlings": [society.slots[int(g)].unique_id for g in rollout.seating.genome_of[b]],
                "num_steps": steps,
                "actions": [acts[b].tolist() for acts in rollout.acts[:steps]],
                "said": [said[b].tolist() for said in rollout.said[:steps]],
                "answers": [answers[b].tolist() for answers in rollout.answers[:steps]],
                "rewards": [rewards[b].tolist() for rewards in rollout.rewards[:steps]],
                "edits": [tokens.tolist() for tokens, _ in changes],
                "bodies": [bodies.ravel().tolist() for _, bodies in changes],
                "attention": [[own.tolist() for own in step[b]] for step in attention[:steps]],
                "expert_use": [[own.tolist() for own in step[b]] for step in expert_use[:steps]],
                "is_won": bool(rollout.worlds.is_won[b]),
                "over_at": steps,
            }
        )
    return rows
