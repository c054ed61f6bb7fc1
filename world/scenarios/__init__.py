"""The scenarios: each is one file, and every one in this registry is under the shared tests."""

from __future__ import annotations

import sys
from functools import cache
from types import ModuleType

from world.scenarios.base import Scenario


@cache
def _registry() -> dict[str, Scenario]:
    # imported here, because a scenario file imports compiled kernels, and `boxlings --help` needs none of them
    from world.scenarios.ask import Ask
    from world.scenarios.carry import Carry
    from world.scenarios.describe import Describe
    from world.scenarios.forage import Forage
    from world.scenarios.guide import Guide
    from world.scenarios.name import Name
    from world.scenarios.refer import Refer
    from world.scenarios.sokoban import Sokoban

    every = (Name(), Describe(), Refer(), Ask(), Guide(), Carry(), Forage(), Sokoban())
    return {scenario.name: scenario for scenario in every}


def names() -> list[str]:
    """The names of all scenarios."""
    return list(_registry())


def get(name: str) -> Scenario:
    """The scenario of that name; ValueError for a name that there is not.

    Some take an argument after a colon: "forage:competitive", "sokoban:LEVEL_FILE".
    """
    kind, colon, argument = name.partition(":")
    if kind not in _registry():
        raise ValueError(f"scenario must be one of {', '.join(names())}, got {name!r}")
    return _registry()[kind].with_argument(argument) if colon else _registry()[kind]


class _Names(ModuleType):
    """This module as a function: `world.scenarios()` is `world.scenarios.names()`."""

    def __call__(self) -> list[str]:
        return names()


# a package has one attribute of a name, so that a function `world.scenarios` and this module would hide each other;
# a module may take a class of its own: https://docs.python.org/3/reference/datamodel.html#module.__class__
sys.modules[__name__].__class__ = _Names
