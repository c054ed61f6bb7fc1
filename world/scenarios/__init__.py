"""The scenarios: each is one file, and every one of this project is held to the contract of `world.testing`.

Those of others come from packages that name them as entry points of the group "boxlings.scenarios", a class without
arguments or an instance each, or are handed to `register` by a script.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType

from world.scenarios.base import Scenario

ENTRY_POINTS = "boxlings.scenarios"


# a sentence for each scenario of another package that is of no use, by name: who runs another one is not bothered by it
_broken: dict[str, str] = {}


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
    found: dict[str, Scenario] = {scenario.name: scenario for scenario in every}
    for entry in entry_points(group=ENTRY_POINTS):
        where = f"scenario {entry.name!r} of {entry.dist.name if entry.dist else 'an unknown package'}"
        try:
            loaded = entry.load()
            scenario = loaded() if isinstance(loaded, type) else loaded
        except Exception as error:  # whatever another package may raise
            _broken[entry.name] = f"{where} cannot be loaded: {type(error).__name__}: {error}"
            continue
        try:
            _add(found, scenario, where)
        except ValueError as error:
            _broken[entry.name] = str(error)
    return found


def register(scenario: Scenario) -> Scenario:
    """Add a scenario of your own for this process, under its name; returns it.

    ValueError for what is none, a name that is taken, or one that could be a name and its argument.
    """
    _add(_registry(), scenario, f"scenario {getattr(scenario, 'name', scenario)!r}")
    return scenario


def _add(found: dict[str, Scenario], scenario: object, where: str) -> None:
    if not isinstance(scenario, Scenario):
        raise ValueError(f"{where} must be a world.scenarios.base.Scenario, got {type(scenario).__name__}")
    name = scenario.name
    if not name or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{where} must have a name of letters, digits, - and _, got {name!r}")
    # the same once more, as a cell of a notebook that is run again defines it, takes its place
    if name in found and _written_at(found[name]) != _written_at(scenario):
        raise ValueError(f"{where} must have a name of its own: there is a scenario {name} already")
    found[name] = scenario


def _written_at(scenario: Scenario) -> tuple[str, str]:
    return type(scenario).__module__, type(scenario).__qualname__


def names() -> list[str]:
    """The names of all scenarios."""
    return list(_registry())


def broken() -> list[str]:
    """A sentence for each scenario that an installed package names and that is of no use."""
    _registry()
    return list(_broken.values())


def get(name: str) -> Scenario:
    """The scenario of that name; ValueError for a name that there is not.

    Some take an argument after a colon: "forage:competitive", "sokoban:LEVEL_FILE".
    """
    kind, colon, argument = name.partition(":")
    if kind not in _registry():
        if kind in _broken:
            raise ValueError(_broken[kind])
        raise ValueError(f"scenario must be one of {', '.join(names())}, got {name!r}")
    return _registry()[kind].with_argument(argument) if colon else _registry()[kind]


class _Names(ModuleType):
    """This module as a function: `world.scenarios()` is `world.scenarios.names()`."""

    def __call__(self) -> list[str]:
        return names()


# a package has one attribute of a name, so that a function `world.scenarios` and this module would hide each other;
# a module may take a class of its own: https://docs.python.org/3/reference/datamodel.html#module.__class__
sys.modules[__name__].__class__ = _Names
