"""The place: box worlds as arrays, their physics, what can be seen, edits, pictures and scenarios.

`world.scenarios()` names the scenarios; `world.parallel_env(name)`, `world.gym_env(name)` and
`world.gym_vector_env(name)` are their standard faces, described in `world.faces`. `world.canvas_env(pairs)` and
`world.canvas_vector_env(pairs)` are tasks of editing grids, described in `world.canvas_face`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from world import scenarios
    from world.canvas_face import canvas_env, canvas_vector_env
    from world.faces import gym_env, gym_vector_env, parallel_env

__all__ = ["canvas_env", "canvas_vector_env", "gym_env", "gym_vector_env", "parallel_env", "scenarios"]

# the faces ask for packages that nothing else here needs, so they are imported by the first who wants one
_MODULE_OF = {
    "canvas_env": "world.canvas_face",
    "canvas_vector_env": "world.canvas_face",
    "gym_env": "world.faces",
    "gym_vector_env": "world.faces",
    "parallel_env": "world.faces",
}

# parts that one reaches through `import world` alone
_MODULES = frozenset(
    ("canvas", "codec", "engine", "levels", "pairs", "render", "scatter", "scenarios", "splits", "statics", "stream")
)


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(_MODULE_OF[name]), name)
    if name in _MODULES:  # nor does everybody who imports a part of this need all of it
        return import_module(f"world.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
