"""What there is of a kind, by name: of this project, of installed packages, and of whoever hands theirs over.

Packages name theirs as entry points of a group (https://packaging.python.org/en/latest/specifications/entry-points/),
a class without arguments, an instance or a function each. One that is broken is told of when it is asked for, and
hinders no other.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Things of one kind, by name.

    `word` says what one is, `ours` gives those of this project when they are asked for first, and `accept(thing,
    where)` gives what is kept of a thing: ValueError, with a sentence that begins with `where`, for what is none.
    """

    def __init__(
        self, group: str, word: str, ours: Callable[[], dict[str, T]], accept: Callable[[Any, str], T]
    ) -> None:
        self.group, self.word, self._ours, self._accept = group, word, ours, accept
        self._found: dict[str, T] | None = None
        self._sources: dict[str, Any] = {}  # what was registered by others, by name
        self._broken: dict[str, str] = {}  # a sentence for each entry point that is of no use, by its name

    def all(self) -> dict[str, T]:
        """Everything there is, by name; those of this project first."""
        if self._found is not None:
            return self._found
        self._found = dict(self._ours())
        for entry in entry_points(group=self.group):
            where = f"{self.word} {entry.name!r} of {entry.dist.name if entry.dist else 'an unknown package'}"
            try:
                loaded = entry.load()
                thing = loaded() if isinstance(loaded, type) else loaded
            except Exception as error:  # whatever another package may raise
                self._broken[entry.name] = f"{where} cannot be loaded: {type(error).__name__}: {error}"
                continue
            try:
                self._add(thing, where)
            except ValueError as error:
                self._broken[entry.name] = str(error)
        return self._found

    def names(self) -> list[str]:
        """All names."""
        return list(self.all())

    def others(self) -> dict[str, T]:
        """Those that are not of this project."""
        every = self.all()
        return {name: every[name] for name in self._sources}

    def broken(self) -> list[str]:
        """A sentence for each entry point that is of no use."""
        self.all()
        return list(self._broken.values())

    def get(self, name: str) -> T:
        """The one of that name; ValueError for a name that there is not."""
        if name in self.all():
            return self.all()[name]
        if name in self._broken:
            raise ValueError(self._broken[name])
        raise ValueError(f"{self.word} must be one of {', '.join(self.names())}, got {name!r}")

    def register(self, thing: Any) -> Any:
        """Add a thing for this process, under its name; returns it.

        ValueError for what is none, and for a name that is taken or that is none.
        """
        self.all()
        self._add(thing, f"{self.word} {name_of(thing)!r}")
        return thing

    def remove(self, name: str) -> None:
        """Take back what was registered."""
        del self._sources[name], self.all()[name]

    def _add(self, thing: Any, where: str) -> None:
        assert self._found is not None
        kept, name = self._accept(thing, where), name_of(thing)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"{where} must have a name of letters, digits, - and _, got {name!r}")
        # the same once more, as a cell of a notebook that is run again defines it, takes its place
        if name in self._found and _written_at(self._sources.get(name)) != _written_at(thing):
            raise ValueError(f"{where} must have a name of its own: there is a {self.word} {name} already")
        self._found[name], self._sources[name] = kept, thing


def name_of(thing: Any) -> Any:
    """The `name` of a thing, or of a function its own name."""
    return thing.name if hasattr(thing, "name") else getattr(thing, "__name__", type(thing).__name__)


def _written_at(thing: Any) -> tuple[str, str]:
    source = thing if hasattr(thing, "__qualname__") else type(thing)
    return source.__module__, source.__qualname__
