"""Kernels: numba's `njit`, and a word to whoever waits while one compiles.

Compiled kernels are kept on disk beside their sources (`cache=True`), so a machine waits once after an installation. In
a terminal a line on stderr tells what compiles; a program with a progress line of its own sets `show` instead.

Processes that compile side by side keep their kernels one after the other. A kernel's index of its signatures is read,
changed and written by numba without a lock, so that two processes could give two signatures one file.

A kernel that is kept is used as long as neither its own file nor any of ours that this one imports has changed: numba
looks at its own file alone, so that one whose callee is another file's would go on with that callee's old code.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from filelock import FileLock
from numba import njit
from numba.core import event
from numba.core.caching import Cache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock

__all__ = ["is_compiling", "njit", "show"]


def _in_a_terminal(text: str) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def is_compiling() -> bool:
    """Whether this thread compiles a kernel now, or loads one; whoever is interrupted then leaves LLVM in pieces."""
    return global_compiler_lock.is_locked()


# is given a line when something compiles, and "" when it is done
show: Callable[[str], None] = _in_a_terminal


class _Waiting(event.Listener):
    """Follows numba's compiler (https://numba.readthedocs.io/en/stable/developer/event_api.html)."""

    def __init__(self) -> None:
        self.num_open = 0  # a kernel compiles those that it calls
        self.num_done = 0
        self.name = ""  # of the kernel that compiles

    def on_start(self, event: event.Event) -> None:
        self.num_open += 1
        function = event.data["dispatcher"].py_func
        if not function.__module__.startswith("numba."):  # what numba needs of its own tells nobody anything
            self.name = function.__name__.strip("_").replace("_", " ")
        show(f"compiling kernels, once after an installation: {self.name} ({self.num_done} done)")

    def on_end(self, event: event.Event) -> None:
        self.num_open -= 1
        self.num_done += 1
        if self.num_open == 0:
            show("")


event.register("numba:compile", _Waiting())


_keep = IndexDataCacheFile.save


def _keep_alone(file: IndexDataCacheFile, key: object, data: object) -> None:
    with FileLock(f"{file._index_path}.lock"):
        _keep(file, key, data)


IndexDataCacheFile.save = _keep_alone  # type: ignore[method-assign]

_ROOT = Path(__file__).resolve().parents[1]
_IMPORTS = re.compile(r"^from ((?:world|language|population)[\w.]*) import", re.MULTILINE)


def sources_of(file: Path, root: Path = _ROOT) -> frozenset[Path]:
    """A source file and all those of our packages under `root` that it imports, and these import, and so on."""
    found: set[Path] = set()
    to_read = [file]
    while to_read:
        path = to_read.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        for name in _IMPORTS.findall(_text_of(path)):
            place = root.joinpath(*name.split("."))
            to_read += [place.with_suffix(".py"), place / "__init__.py"]
    return frozenset(found)


@cache
def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _stamp(file: str) -> str:
    """A digest of all sources on which the kernels in a file may depend."""
    digest = hashlib.sha256()
    for path in sorted(sources_of(Path(file))):
        digest.update(_text_of(path).encode())
    return digest.hexdigest()


_begin = Cache.__init__


def _begin_with_all_sources(kept: Cache, kernel: Callable) -> None:
    _begin(kept, kernel)
    index = kept._cache_file
    index._source_stamp = f"{index._source_stamp} {_stamp(kernel.__code__.co_filename)}"


Cache.__init__ = _begin_with_all_sources  # type: ignore[method-assign]
