"""The place: box worlds as arrays, their physics, what can be seen, edits, pictures and scenarios.

`world.scenarios()` names the scenarios; `world.parallel_env(name)`, `world.gym_env(name)` and
`world.gym_vector_env(name)` are their standard faces, described in `world.faces`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from world import scenarios
    from world.faces import gym_env, gym_vector_env, parallel_env

__all__ = ["gym_env", "gym_vector_env", "parallel_env", "scenarios"]


def __getattr__(name: str) -> Any:
    # the faces ask for packages that nothing else here needs, so they are imported by the first who wants one
    if name in ("gym_env", "gym_vector_env", "parallel_env"):
        from world import faces

        return getattr(faces, name)
    if name == "scenarios":  # nor does everybody who imports a part of this need all of them
        return import_module("world.scenarios")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
