"""Every option of a run, checked at birth. Imports nothing heavy, so that `boxlings --help` is quick.

Options that are None take the value that suits the scenario (its `defaults`) when the run begins, and the run writes
down what they became.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, get_args

# at least so many, or all that are lived in, for success when muted, shuffled, on held-out goals
MEASURED_WORLDS = 1024


def _check(owner: Any, name: str, low: float, high: float | None = None) -> None:
    """Refuse a number outside [low, high] with one sentence; None is left for the scenario to fill."""
    value = getattr(owner, name)
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f"{name} must be a number, got {value!r}")
    if math.isinf(value):
        raise ValueError(f"{name} must be finite, got {value}")
    if isinstance(value, float) and str(type(owner).__dataclass_fields__[name].type).startswith("int"):
        raise ValueError(f"{name} must be a whole number, got {value}")
    if value < low or (high is not None and value > high):
        expected = f"at least {low}" if high is None else f"in [{low}, {high}]"
        raise ValueError(f"{name} must be {expected}, got {value}")


def _check_choice(owner: object, name: str, choices: tuple[str, ...]) -> None:
    """Refuse a word that is none of these with one sentence."""
    value = getattr(owner, name)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")


def _set_names(owner: object, name: str) -> None:
    """Make a tuple of several names of what is given: one, several, or none."""
    value = getattr(owner, name)
    given = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(given, (tuple, list)) or not all(isinstance(each, str) and each for each in given):
        raise ValueError(f"{name} must be one or several names, got {value!r}")
    object.__setattr__(owner, name, tuple(given))


def check_strategy_name(name: str) -> None:
    """ValueError for a way to select that there is not, of this project or registered by others."""
    if name in get_args(Strategy):
        return
    from evolution.select import REGISTRY  # which takes a moment

    if not isinstance(name, str) or name not in REGISTRY.names():
        known = [*get_args(Strategy), *REGISTRY.others()]
        broken = [sentence for sentence in REGISTRY.broken() if f"{name!r}" in sentence]
        raise ValueError(broken[0] if broken else f"strategy must be one of {', '.join(known)}, got {name!r}")


Gradient = Literal["straight-through", "reinforce", "autoencoding", "none"]
Strategy = Literal["truncation", "tournament", "age", "random", "none", "map-elites", "random-search"]
MutationKind = Literal["gaussian", "safe"]
Crossover = Literal["none", "expert", "layer", "distil"]
GeneCrossover = Literal["mean", "parent"]
LearnFrom = Literal["all", "reward", "elites"]
LanguageModelUse = Literal["expert", "agent"]


@dataclass(frozen=True)
class ChannelConfig:
    """What is said: L symbols out of V, each step, heard in the next."""

    message_length: int | None = None  # L, symbols in a message
    num_symbols: int | None = None  # V, different symbols
    hearing_radius_cells: int = 0  # who is further away hears nothing; 0: everybody hears everybody
    symbol_noise: float = 0.0  # share of symbols that arrive as another one, while learning
    variable_length: bool = False  # the last symbol ends a message, which is silent from there on
    length_cost: float = 0.0  # nats a symbol costs its speaker in language rounds, once it is understood
    channel_gradient: Gradient = "straight-through"  # how speakers learn, see `evolution.learn.language_round`
    slow_copy_weight: float = 0.0  # of the divergence of a speaker from a slow copy of itself, in language rounds
    slow_copy_rate: float = 0.01  # how far the slow copy moves towards the speaker, each round

    def __post_init__(self) -> None:
        _check(self, "message_length", 1, 64)
        _check(self, "num_symbols", 2, 200)
        _check(self, "hearing_radius_cells", 0)
        for name in ("symbol_noise", "slow_copy_rate"):
            _check(self, name, 0, 1)
        for name in ("length_cost", "slow_copy_weight"):
            _check(self, name, 0)
        _check_choice(self, "channel_gradient", get_args(Gradient))


@dataclass(frozen=True)
class PolicyConfig:
    """Sizes of a boxling's networks."""

    width: int | None = None  # D, numbers in a token and in each stream of memory
    num_experts: int = 2  # besides the visual one
    expert_width: int = 64  # hidden units of each
    conv_channels: int | None = None  # of the visual expert's summary of the scene; 0 leaves it out
    near_cells: int | None = None  # side of the square around the agent seen cell by cell; 0 leaves it out
    query_heads: int | None = None  # questions to the picture by each belief about what is visible; 0: none
    topics: bool = True  # each place of a message attends to one thing in mind; off: all say the thought as a whole
    own_experts: tuple[str, ...] = ()  # experts of your own besides, see `population.token_experts`

    def __post_init__(self) -> None:
        _set_names(self, "own_experts")
        for name in ("width", "num_experts", "expert_width"):
            _check(self, name, 1, 4096)
        for name in ("conv_channels", "near_cells", "query_heads"):
            _check(self, name, 0, 1024)


@dataclass(frozen=True)
class SelectionConfig:
    """Who lives on, and who is born."""

    strategy: Strategy = "truncation"  # who goes and who has children, see `evolution.select`; none: nobody ever dies
    eliminated_share: float = 0.25  # of the population, each generation; random-search: all but the best go
    tournament_size: int = 3  # boxlings in a tournament, which the worst loses and the best wins
    archive_cells: int = 8  # a side of the map of elites: what is said x what is done
    revalidated_elites: int = 0  # the fittest who are judged again, by fresh worlds with fresh partners; 0: none
    founders: int = 1  # from which the population descends, each with a language of its own; not with seed_from
    mutation: bool = True  # copies of the best are mutated; off: they are exact
    mutation_step: float = 0.02  # size of the noise, as a share of each layer's root mean square
    mutation_kind: MutationKind = "gaussian"  # safe: less noise on weights that what is done hangs on
    crossover: Crossover = "none"  # how two parents have a child, see `evolution.offspring`; none: all have one
    crossover_share: float = 0.5  # of births that could have two parents, which do
    genes: bool = False  # learning rate, entropy bonus, temperature and mutation step are inherited, and vary
    gene_step: float = 0.2  # by which factor they vary: exp(gene_step N(0, 1)) at each birth
    gene_crossover: GeneCrossover = "mean"  # of two parents' genes; parent: each is that of one of them
    experience_worlds: int = 2  # a parent, or an elite, guides, where children or others learn from what it does
    newborn_share: float = 0.5  # of all births: inherit body and eyes, but have to learn the language
    newborns_inherit: bool = True  # off: a newborn inherits nothing at all
    renewed_listeners: int = 0  # boxlings whose ears are renewed each generation until newborns_until, besides births
    newborns_until: float | None = None  # share of the run after which births are mutants only, and no ears renewed
    protected_generations: int = 1  # how long a newborn cannot be eliminated

    def __post_init__(self) -> None:
        for name in ("eliminated_share", "newborn_share", "newborns_until", "crossover_share"):
            _check(self, name, 0, 1)
        for name in ("mutation_step", "gene_step", "protected_generations", "renewed_listeners", "revalidated_elites"):
            _check(self, name, 0)
        for name in ("founders", "experience_worlds"):
            _check(self, name, 1)
        _check(self, "tournament_size", 2)
        _check(self, "archive_cells", 1, 100)
        check_strategy_name(self.strategy)
        _check_choice(self, "mutation_kind", get_args(MutationKind))
        _check_choice(self, "crossover", get_args(Crossover))
        _check_choice(self, "gene_crossover", get_args(GeneCrossover))


@dataclass(frozen=True)
class LearningConfig:
    """What is learned within a lifetime."""

    fine_tuning: bool = True  # off: evolution only
    learn_from: LearnFrom = "all"  # reward: from that alone; elites: all others do as the fittest do, and no more
    elite_share: float = 0.25  # of the population, the fittest, whom others learn from
    elite_rounds: int = 12  # updates towards what an elite does, each generation
    distil_rounds: int = 12  # updates of a child towards what both its parents do, where crossover is distil
    founder_rounds: int | None = None  # language rounds of the founder, before its copies are the population
    language_rounds: int | None = None  # pure language games each generation
    language_batch: int | None = None  # meanings a genome says, and hears, in a round
    half_told_share: float | None = None  # of goals said by one attribute alone, where guides are told the goal
    meaning_zipf: float = 0.0  # meaning number n comes up in language rounds n^-this times as often as number 1
    newborn_listener_every: int | None = None  # rounds after which the founder's ears are renewed; 0: never
    acting_rounds: int | None = None  # rollouts learned from each generation
    acting_worlds: int = 16  # worlds a genome guides in a rollout
    epochs: int | None = None  # updates from each rollout
    learning_rate: float = 3e-3  # of Adam, for every genome
    gradient_norm: float = 1.0  # each genome's gradient is clipped to this
    discount: float = 0.97  # of reward, per step
    gae_lambda: float = 0.95  # of the advantage: 1 trusts what was earned, 0 the value foreseen
    ppo_clip: float = 0.2  # how far an act's probability ratio may move in an update
    entropy_bonus: float = 0.01  # for drawing acts evenly
    message_entropy_bonus: float | None = None  # for drawing symbols evenly, while the founder learns
    belief_weight: float = 1.0  # of the world model's surprise at the goal
    edit_weight: float = 0.1  # of its surprise at what the own act changed
    value_weight: float = 0.5  # of the squared error of the value foreseen
    reward_weight: float = 1.0  # of the PPO loss; 0: no learning from reward
    imitation_weight: float = 1.0  # of the loss against acts advised by the simulator's search; 0: none
    advised_share: float = 0.8  # of acts that follow the advice at the start of a run
    advised_until: float = 0.15  # share of the run after which no act does

    def __post_init__(self) -> None:
        for name in (
            "founder_rounds", "language_rounds", "acting_rounds", "newborn_listener_every", "elite_rounds",
            "distil_rounds",
        ):  # fmt: skip
            _check(self, name, 0)
        for name in ("language_batch", "acting_worlds", "epochs"):
            _check(self, name, 1)
        for name in ("half_told_share", "discount", "gae_lambda", "advised_share", "advised_until", "elite_share"):
            _check(self, name, 0, 1)
        for name in (
            "entropy_bonus", "message_entropy_bonus", "belief_weight", "edit_weight", "value_weight",
            "reward_weight", "imitation_weight", "learning_rate", "gradient_norm", "ppo_clip", "meaning_zipf",
        ):  # fmt: skip
            _check(self, name, 0)
        _check_choice(self, "learn_from", get_args(LearnFrom))


@dataclass(frozen=True)
class LanguageModelConfig:
    """A pretrained language model among the boxlings, in the format of transformers."""

    lm: str | None = None  # its folder, or OWNER/NAME of the hub
    lm_as: LanguageModelUse = "expert"  # an expert that every boxling has besides its own, or whole boxlings
    lm_width: int = 32  # numbers by which the expert describes each token
    lm_frozen: bool = True  # off: the expert's numbers are learned and inherited, or the model learns from lives
    lm_boxlings: int = 1  # of the population, that it plays where it is whole ones
    lm_rounds: int = 16  # updates each generation, where it is whole boxlings and not frozen
    lm_learning_rate: float = 1e-3  # of AdamW, for these

    def __post_init__(self) -> None:
        _check_choice(self, "lm_as", get_args(LanguageModelUse))
        _check(self, "lm_width", 1, 4096)
        _check(self, "lm_boxlings", 1)
        _check(self, "lm_rounds", 0)
        _check(self, "lm_learning_rate", 0)

    @property
    def num_boxlings(self) -> int:
        """How many boxlings are the language model."""
        return self.lm_boxlings if self.lm and self.lm_as == "agent" else 0


@dataclass(frozen=True)
class RunConfig:
    """One run: `evolve(RunConfig(scenario="guide", out="runs/first"))`."""

    scenario: str = "guide"  # what the worlds are, and what is to be done there
    out: str | None = None  # the run's folder; default: runs/SCENARIO-SEED
    seed: int = 0  # the whole run follows from it
    generations: int | None = None  # of living, learning and selection
    population: int = 8  # boxlings, P
    seed_from: tuple[str, ...] = ()  # models, runs or OWNER/NAME of the hub, whose boxlings are the first generation
    device: Literal["cpu", "cuda"] = "cpu"  # where networks are computed
    threads: int = 0  # that share the work, whose result is the same with any number; 0: one for each core
    live_worlds: int = 32  # worlds a boxling guides each generation, to be judged by
    measure_every: int | None = None  # generations between full measurements (muted, held-out, ...)
    record_every: int | None = None  # generations between recordings
    recorded_episodes: int = 4  # worlds in a recording
    record_megabytes: float = 200.0  # at most, all recordings together; when full, every second one makes place
    checkpoint_every: int | None = None  # generations; default: 1, without fine-tuning a million agent-steps or more
    keep_checkpoints: int = 3  # the newest ones; the best is kept besides
    channel: ChannelConfig = field(default_factory=ChannelConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    selection: SelectionConfig = field(default_factory=SelectionConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    language_model: LanguageModelConfig = field(default_factory=LanguageModelConfig)

    def __post_init__(self) -> None:
        _set_names(self, "seed_from")
        _check(self, "seed", 0)
        _check(self, "generations", 1)
        _check(self, "population", 1)
        _check(self, "threads", 0)
        for name in ("live_worlds", "measure_every", "record_every", "checkpoint_every", "keep_checkpoints"):
            _check(self, name, 1)
        for name in ("recorded_episodes", "record_megabytes"):
            _check(self, name, 0)
        if self.device not in ("cpu", "cuda"):
            raise ValueError(f"device must be cpu or cuda, got {self.device!r}")
        if self.selection.revalidated_elites > self.population:
            raise ValueError(
                f"revalidated_elites must be at most the population {self.population}, "
                f"got {self.selection.revalidated_elites}"
            )
        if self.language_model.num_boxlings > self.population:
            raise ValueError(
                f"lm_boxlings must be at most the population {self.population}, got {self.language_model.lm_boxlings}"
            )
        if self.language_model.num_boxlings and self.selection.revalidated_elites:
            raise ValueError(
                f"revalidated_elites must be 0 where a language model is among the boxlings, "
                f"got {self.selection.revalidated_elites}"
            )

    def options(self) -> dict[str, Any]:
        """All options as plain nested values."""
        return asdict(self, dict_factory=_plain)

    @staticmethod
    def from_options(options: dict[str, Any]) -> RunConfig:
        """The inverse of `options`; ValueError names an unknown option."""
        return _from_options(RunConfig, options, "")

    def with_options(self, options: Mapping[str, Any]) -> RunConfig:
        """With options that are given by their names alone, as on the command line: no two parts share a name.

        >>> config = RunConfig(scenario="name").with_options({"population": 4, "message_length": 2, "epochs": 1})
        >>> config.population, config.channel.message_length, config.learning.epochs, config.scenario
        (4, 2, 1, 'name')
        """
        known: set[str] = set()

        def changed(part: Any) -> Any:
            changes = {}
            for item in fields(part):
                value = getattr(part, item.name)
                if is_dataclass(value):
                    changes[item.name] = changed(value)
                    continue
                known.add(item.name)
                if item.name in options:
                    changes[item.name] = given = options[item.name]
                    if isinstance(value, bool) and not isinstance(given, bool):
                        raise ValueError(f"{item.name} must be True or False, got {given!r}")
            return replace(part, **changes)

        config = changed(self)
        for name in options:
            if name not in known:
                close = get_close_matches(name, sorted(known), n=1)
                meant = f", did you mean {close[0]}?" if close else "; see `boxlings run --help`"
                raise ValueError(f"there is no option {name}{meant}")
        return config

    def filled(self, defaults: dict[str, Any]) -> RunConfig:
        """With every None replaced by the scenario's default of that name."""

        def fill(part: Any) -> Any:
            changes = {}
            for item in fields(part):
                value = getattr(part, item.name)
                if is_dataclass(value):
                    changes[item.name] = fill(value)
                elif value is None and item.name in defaults:
                    changes[item.name] = defaults[item.name]
            return replace(part, **changes)

        return fill(self)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Options as files give them back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in items}


def _from_options(kind: Any, options: dict[str, Any], where: str) -> Any:
    known = {item.name: item for item in fields(kind)}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueError(f"unknown option {where}{unknown[0]}; there are {', '.join(known)}")
    parts = {
        "channel": ChannelConfig,
        "policy": PolicyConfig,
        "selection": SelectionConfig,
        "learning": LearningConfig,
        "language_model": LanguageModelConfig,
    }
    values = {
        name: _from_options(parts[name], value, f"{name}.") if kind is RunConfig and name in parts else value
        for name, value in options.items()
    }
    return kind(**values)


_OF_GUIDES: dict[str, Any] = {
    "generations": 75, "measure_every": 4, "record_every": 10,
    "message_length": 4, "num_symbols": 16,
    "width": 64, "conv_channels": 0, "near_cells": 5, "query_heads": 4,
    "founder_rounds": 1000, "newborn_listener_every": 100, "language_batch": 128,
    "language_rounds": 36, "acting_rounds": 6, "epochs": 3, "half_told_share": 0.5, "newborns_until": 0.85,
    "message_entropy_bonus": 0.02,
}  # fmt: skip

_OF_OBJECTS: dict[str, Any] = {
    "generations": 10, "measure_every": 5, "record_every": 5,
    "message_length": 4, "num_symbols": 12,
    "width": 64, "conv_channels": 0, "near_cells": 0, "query_heads": 0,
    "founder_rounds": 500, "newborn_listener_every": 100, "language_batch": 128,
    "language_rounds": 20, "acting_rounds": 0, "epochs": 3, "half_told_share": 0.0, "newborns_until": 0.6,
    "message_entropy_bonus": 0.02,
}  # fmt: skip

DEFAULTS: dict[str, dict[str, Any]] = {
    # what suits each kind of scenario, found in trials on training goals only
    # as much learning for the same time as by three updates from each of six rollouts, of two and a half times as many
    # agent-steps
    "guide": _OF_GUIDES | {"language_rounds": 24, "acting_rounds": 16, "epochs": 1},
    "carry": _OF_GUIDES,
    "forage": _OF_GUIDES,
    "sokoban": _OF_GUIDES | {
        "generations": 50, "message_length": 1, "num_symbols": 2, "conv_channels": 8, "founder_rounds": 0,
        "language_rounds": 0, "acting_rounds": 8,
    },
    "relay": _OF_GUIDES | {
        # who sees and talks and who sees and edits look with the same eyes: with more rounds of language than of acting
        # builders learned nothing
        "generations": 40, "conv_channels": 16, "language_rounds": 8, "acting_rounds": 48, "epochs": 1,
        "half_told_share": 0.0,
    },
    "describe": _OF_OBJECTS,
    "refer": _OF_OBJECTS,
    "ask": _OF_OBJECTS | {
        # with a bonus for even symbols, questions stay noise
        "message_length": 1, "founder_rounds": 1200, "newborn_listener_every": 0, "message_entropy_bonus": 0.0,
    },
    "committee": {
        # nobody talks of a whole law, so that there is no language to learn but by living
        "generations": 40, "measure_every": 5, "record_every": 10,
        "message_length": 6, "num_symbols": 12,
        "width": 64, "conv_channels": 16, "near_cells": 0, "query_heads": 0,
        "founder_rounds": 0, "newborn_listener_every": 0, "language_batch": 128,
        "language_rounds": 0, "acting_rounds": 16, "epochs": 1, "half_told_share": 0.0, "newborns_until": 0.0,
        "message_entropy_bonus": 0.0,
    },
    "name": {
        "generations": 30, "measure_every": 4, "record_every": 8,
        "message_length": 6, "num_symbols": 16,
        "width": 128, "conv_channels": 32, "near_cells": 0, "query_heads": 0,
        "founder_rounds": 1000, "newborn_listener_every": 0, "language_batch": 128,
        "language_rounds": 20, "acting_rounds": 0, "epochs": 3, "half_told_share": 0.0, "newborns_until": 0.85,
        "message_entropy_bonus": 0.02,
    },
}  # fmt: skip


def defaults_for(kind: str, attribute_sizes: tuple[int, ...], is_decided_by_answers: bool) -> dict[str, Any]:
    """The defaults of a scenario of this kind, with its number of values for each attribute.

    A scenario of somebody else's gets those of `describe` where worlds are decided by answers, otherwise of `carry`.

    Games of any size get room in their channel, twice the symbols that the largest attribute needs and a place more
    than there are attributes, and time: of 100 values some share a symbol without two places each and 4,000 rounds.
    """
    if kind not in DEFAULTS:
        kind = "describe" if is_decided_by_answers else "carry"
    defaults = DEFAULTS[kind]
    if kind not in ("describe", "refer", "ask"):
        return defaults
    largest, num_attributes = max(attribute_sizes), len(attribute_sizes)
    of_size: dict[str, Any] = {
        "message_length": num_attributes + 1, "num_symbols": max(12, min(200, 2 * largest)),
    }  # fmt: skip
    if kind == "ask":  # room for one attribute, of any kind
        of_size = {"message_length": 1, "num_symbols": max(12, min(200, sum(attribute_sizes)))}
    elif largest > 20:
        of_size |= {
            "message_length": 2 * num_attributes, "founder_rounds": 40 * largest,
            "newborn_listener_every": 10 * largest, "language_batch": 256, "generations": 8, "language_rounds": 60,
            "newborns_until": 0.5,
        }  # fmt: skip
    return defaults | of_size
