"""What a study compares, and what it may cost: named arms over the options of a run, seeds, a budget of CPU seconds.

Arms that are given equally many generations are not given equal means: a generation without learning costs a tenth
of one with it. So every arm gets as many generations as the budget pays for, after Dodge et al. (2019, "Show your
work", https://arxiv.org/abs/1909.03004), who report what a method reaches for what it spends. A run has to know its
generations beforehand (its learning rate fades towards their end), so that costs are measured first. Imports nothing
heavy, so that `boxlings study --help` is quick.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from evolution.config import RunConfig

TOLERANCE = 0.1  # share of the budget by which an arm may miss it without a warning
_CHEAPEST_SECONDS = 1e-4  # no generation costs less, whatever was measured
_EVERY = ("measure_every", "record_every", "checkpoint_every")  # intervals in generations


@dataclass(frozen=True)
class Arm:
    """One way to run, as what it changes in the options of the study."""

    name: str
    summary: str
    options: dict[str, dict[str, Any]]  # by part of RunConfig


ARMS = {
    arm.name: arm
    for arm in (
        Arm("evolution+learning", "the default run: selection and mutation, and all learn while they live", {}),
        Arm("learning", "nobody dies and nobody is born, all learn", {"selection": {"strategy": "none"}}),
        Arm(
            "evolution",
            "nobody learns: selection and mutation only, without newborns, which would have to learn",
            {"selection": {"newborn_share": 0.0}, "learning": {"fine_tuning": False}},
        ),
        Arm(
            "no-selection",
            "as many births and as much learning, but who dies and who has children is chance",
            {"selection": {"strategy": "random"}},
        ),
        Arm(
            "random-search",
            "every generation new genomes are drawn and the best are kept; nobody learns",
            {"selection": {"strategy": "random-search"}, "learning": {"fine_tuning": False}},
        ),
    )
}


@dataclass(frozen=True)
class StudyConfig:
    """A study: `run_study(StudyConfig(RunConfig(scenario="guide"), seeds=5, cpu_seconds=300), "studies/guide")`."""

    run: RunConfig  # what holds for all arms; its out, seed, generations and threads are the study's to choose
    arms: tuple[str, ...] = tuple(ARMS)  # the first one is what the others are compared with
    seeds: int = 5  # runs of each arm: seeds 0, 1, ...
    cpu_seconds: float | None = None  # of each run
    generations: int | None = None  # of each run, in place of cpu_seconds
    worlds: int = 2048  # in which a last population is judged

    def __post_init__(self) -> None:
        if unknown := [name for name in self.arms if name not in ARMS]:
            raise ValueError(f"arms must be some of {', '.join(ARMS)}, got {unknown[0]!r}")
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise ValueError(f"arms must be named once each, got {', '.join(self.arms) or 'none'}")
        for name in ("seeds", "worlds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if (self.cpu_seconds is None) == (self.generations is None):
            got = "neither" if self.cpu_seconds is None else "both"
            raise ValueError(f"a study needs either cpu_seconds or generations, got {got}")
        if self.cpu_seconds is not None and not 0 < self.cpu_seconds < math.inf:
            raise ValueError(f"cpu_seconds must be positive, got {self.cpu_seconds}")
        if self.generations is not None and self.generations < 1:
            raise ValueError(f"generations must be at least 1, got {self.generations}")

    def asked(self) -> dict[str, Any]:
        """All that was asked for, as plain nested values without None: what a study's file holds."""
        options = self.run.options()
        for name in ("out", "seed", "generations", "threads"):
            del options[name]
        asked = {item.name: getattr(self, item.name) for item in fields(self)} | {"arms": list(self.arms)}
        return _without_none({**asked, "run": options})

    def of_arm(self, arm: str) -> RunConfig:
        """The options of an arm, before its generations are known; what the scenario decides is left open."""
        options = self.run.options() | {"generations": None, "threads": 1}
        for part, changes in ARMS[arm].options.items():
            options[part] = options[part] | changes
        return RunConfig.from_options(options)


@dataclass(frozen=True)
class Costs:
    """CPU seconds of a run's parts."""

    start_seconds: float  # the founder's childhood
    generation_seconds: float  # to live, to be judged, to be replaced and to learn
    measuring_seconds: float  # more, in a generation that is measured
    recording_seconds: float  # more, in one that is recorded

    def of(self, config: RunConfig) -> float:
        """CPU seconds of a whole run with these options, all of them filled in.

        >>> Costs(5.0, 1.0, 0.5, 0.0).of(RunConfig(generations=10, measure_every=4, record_every=10))
        16.5
        """
        generations = int(config.generations or 0)
        measured = math.ceil(generations / int(config.measure_every or 1))
        recorded = math.ceil(generations / int(config.record_every or 1))
        return (
            self.start_seconds
            + generations * self.generation_seconds
            + measured * self.measuring_seconds
            + recorded * self.recording_seconds
        )


def with_generations(config: RunConfig, given: RunConfig, generations: int) -> RunConfig:
    """A filled configuration with another number of generations, measured, recorded and saved as often in all.

    Otherwise most of what an arm with thousands of cheap generations has to spend would go into measuring them. What
    the user has `given` is kept.

    >>> usual = RunConfig(generations=75, measure_every=4, record_every=10, checkpoint_every=1)
    >>> many = with_generations(usual, RunConfig(), 750)
    >>> many.measure_every, many.record_every, many.checkpoint_every
    (40, 100, 10)
    """
    untouched = RunConfig()
    usual = int(config.generations or 1)
    scaled = {
        name: max(1, round(getattr(config, name) * generations / usual))
        for name in _EVERY
        if getattr(given, name) == getattr(untouched, name) and getattr(config, name) is not None
    }
    return replace(config, generations=generations, **scaled)


def affordable(config: RunConfig, given: RunConfig, costs: Costs, cpu_seconds: float) -> RunConfig:
    """The configuration with as many generations as the budget pays for; ValueError where it pays for none."""

    def with_(generations: int) -> RunConfig:
        return with_generations(config, given, generations)

    most = int((cpu_seconds - costs.start_seconds) / max(costs.generation_seconds, _CHEAPEST_SECONDS))
    for generations in range(most, 0, -1):
        if costs.of(with_(generations)) <= cpu_seconds:
            return with_(generations)
    least = math.ceil(costs.of(with_(1)))
    raise ValueError(
        f"cpu_seconds must be at least {least}, what a childhood and one generation take, got {cpu_seconds:g}"
    )


def _without_none(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in options.items()
        if value is not None
    }
