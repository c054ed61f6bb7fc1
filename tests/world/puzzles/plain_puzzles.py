"""The puzzle modules as plain Python, with every index checked: compiled kernels read and write where they are told to.

A module's source is run again without the compiler. Its arrays refuse indices below 0 and beyond their sides, give
Python's own whole numbers, and begin with what nobody may read where they are `np.empty`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest


class Checked(np.ndarray):
    """An array that has no place before its first and after its last."""

    def _check(self, key: Any) -> bool:
        """Whether the key is one cell."""
        parts = key if isinstance(key, tuple) else (key,)
        if any(isinstance(part, slice) for part in parts):
            for part in parts:
                assert isinstance(part, slice)
                assert part.start is None or 0 <= part.start <= len(self)
                assert part.stop is None or 0 <= part.stop <= len(self)
            return False
        if len(parts) != self.ndim:
            return False
        for part, side in zip(parts, self.shape, strict=True):
            if not 0 <= part < side:
                raise IndexError(f"{key} of an array of {self.shape}")
        return True

    def __getitem__(self, key: Any) -> Any:
        return self.item(key) if self._check(key) else super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._check(key)
        super().__setitem__(key, value)


def checked(array: np.ndarray) -> Checked:
    return array.view(Checked)


def _empty(shape: Any, dtype: Any) -> Checked:
    return checked(np.full(shape, 77, dtype))  # what nobody wrote, no one may read


class _Numpy:
    """NumPy, but that arrays are born checked."""

    zeros = staticmethod(lambda *a: checked(np.zeros(*a)))
    full = staticmethod(lambda *a: checked(np.full(*a)))
    array = staticmethod(lambda *a: checked(np.array(*a)))
    argsort = staticmethod(lambda a, kind: checked(np.argsort(np.asarray(a), kind=kind)))
    empty = staticmethod(_empty)

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def plain_modules(*names: str) -> list[ModuleType]:
    """Modules of `world.puzzles` as plain Python; each is given those named before it."""

    def as_it_is(**_: Any) -> Callable[[Any], Any]:
        return lambda function: function

    made: list[ModuleType] = []
    all_compiled = [import_module(f"world.puzzles.{name}") for name in names]  # before anything is replaced
    with pytest.MonkeyPatch.context() as patch:
        for name, compiled in zip(names, all_compiled, strict=True):
            module = ModuleType(compiled.__name__)
            assert compiled.__file__ is not None
            with open(compiled.__file__, encoding="utf-8") as file:
                source = file.read()
            patch.setattr("world.compiling.njit", as_it_is)
            patch.setitem(sys.modules, "numpy", _Numpy())  # type: ignore[arg-type]
            exec(compile(source, compiled.__file__, "exec"), module.__dict__)
            patch.setitem(sys.modules, f"world.puzzles.{name}", module)
            patch.setitem(sys.modules, "numpy", np)
            made.append(module)
    return made


def apply_plainly(kernels: ModuleType, kernel: int, a: int, b: int, grid: np.ndarray) -> np.ndarray | None:
    """What a step makes of a grid (H, W), with every index checked; None if it does not apply."""
    height, width = grid.shape
    out = _empty(900, np.uint8)
    size = kernels.apply(kernel, a, b, checked(grid.ravel().copy()), height, width, out)
    high, wide = size // 128, size % 128
    return np.asarray(out)[: high * wide].reshape(high, wide) if size else None
