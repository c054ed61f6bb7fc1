"""Who waits for a kernel to compile is told so."""

from __future__ import annotations

import io
import sys

import pytest

from world import compiling


def test_a_kernel_that_compiles_tells_so_and_one_that_has_compiled_does_not(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []
    monkeypatch.setattr(compiling, "show", told.append)

    @compiling.njit
    def _twice_of(number):  # type: ignore[no-untyped-def]
        return 2 * number

    @compiling.njit
    def _four_times(number):  # type: ignore[no-untyped-def]
        return _twice_of(_twice_of(number))

    assert _four_times(3) == 12
    assert told[0].startswith("compiling kernels, once after an installation: four times (")
    assert any("twice of" in text for text in told)
    assert told[-1] == ""
    assert told.count("") == 1  # the one that is called compiles within the other
    told.clear()
    assert _four_times(4) == 16
    assert not told


@pytest.mark.parametrize("is_terminal", [True, False])
def test_only_a_terminal_is_written_to(is_terminal: bool, monkeypatch: pytest.MonkeyPatch):
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    compiling._in_a_terminal("compiling")
    compiling._in_a_terminal("")
    assert stream.getvalue() == ("\r\x1b[Kcompiling\r\x1b[K" if is_terminal else "")
