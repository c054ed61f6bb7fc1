"""The scenarios: each is one file, and every one of this project is held to the contract of `world.testing`.

Those of others come from packages that name them as entry points of the group "boxlings.scenarios", a class without
arguments or an instance each, or are handed to `register` by a script.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from world.registry import Registry
from world.scenarios.base import Scenario


def _ours() -> dict[str, Scenario]:
    # imported here, because a scenario file imports compiled kernels, and `boxlings --help` needs none of them
    from world.scenarios.ask import Ask
    from world.scenarios.carry import Carry
    from world.scenarios.committee import Committee
    from world.scenarios.describe import Describe
    from world.scenarios.forage import Forage
    from world.scenarios.guide import Guide
    from world.scenarios.name import Name
    from world.scenarios.refer import Refer
    from world.scenarios.relay import Relay
    from world.scenarios.sokoban import Sokoban

    every = (Name(), Describe(), Refer(), Ask(), Committee(), Relay(), Guide(), Carry(), Forage(), Sokoban())
    return {scenario.name: scenario for scenario in every}


def _accept(thing: Any, where: str) -> Scenario:
    if not isinstance(thing, Scenario):
        raise ValueError(f"{where} must be a world.scenarios.base.Scenario, got {type(thing).__name__}")
    return thing


REGISTRY: Registry[Scenario] = Registry("boxlings.scenarios", "scenario", _ours, _accept)


def register(scenario: Scenario) -> Scenario:
    """Add a scenario of your own for this process, under its name; returns it.

    ValueError for what is none, a name that is taken, or one that could be a name and its argument.
    """
    return REGISTRY.register(scenario)


def names() -> list[str]:
    """The names of all scenarios."""
    return REGISTRY.names()


def broken() -> list[str]:
    """A sentence for each scenario that an installed package names and that is of no use."""
    return REGISTRY.broken()


def get(name: str) -> Scenario:
    """The scenario of that name; ValueError for a name that there is not.

    Some take an argument after a colon: "forage:competitive", "sokoban:LEVEL_FILE".
    """
    kind, colon, argument = name.partition(":")
    scenario = REGISTRY.get(kind)
    return scenario.with_argument(argument) if colon else scenario


class _Names(ModuleType):
    """This module as a function: `world.scenarios()` is `world.scenarios.names()`."""

    def __call__(self) -> list[str]:
        return names()


# a package has one attribute of a name, so that a function `world.scenarios` and this module would hide each other;
# a module may take a class of its own: https://docs.python.org/3/reference/datamodel.html#module.__class__
sys.modules[__name__].__class__ = _Names
