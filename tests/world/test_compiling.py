"""Who waits for a kernel to compile is told so."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from numba.core.caching import IndexDataCacheFile

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


def test_two_that_keep_kernels_at_once_leave_the_file_of_each(tmp_path: Path):
    class Slow(IndexDataCacheFile):
        def _save_data(self, name: str, data: object) -> None:
            time.sleep(0.05)  # the other one comes now
            super()._save_data(name, data)

        def _load_index(self) -> dict:
            index = super()._load_index()
            time.sleep(0.05)  # or now
            return index

    def cache() -> Slow:
        return Slow(cache_path=str(tmp_path), filename_base="kernel", source_stamp=1)

    writers = [threading.Thread(target=cache().save, args=(f"signature {n}", f"code {n}")) for n in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [cache().load(f"signature {n}") for n in range(4)] == [f"code {n}" for n in range(4)]


def test_a_kernel_that_is_kept_goes_with_the_files_of_those_that_it_calls(tmp_path: Path):
    place = tmp_path / "world"
    place.mkdir()
    (place / "__init__.py").touch()
    shutil.copy(compiling.__file__, place / "compiling.py")
    kernel = "from world.compiling import njit\n{}\n\n@njit(cache=True)\ndef {}(x):\n    return {}\n"
    caller = place / "caller.py"
    caller.write_text(kernel.format("from world.called import called", "calls", "called(x) + 1"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    script = "from world.caller import calls; print(calls(1), len(calls.stats.cache_hits))"
    told = []
    for body in ("x * 10", "x * 10", "x * 100"):
        (place / "called.py").write_text(kernel.format("", "called", body))
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, cwd=tmp_path, check=True
        )
        told.append(run.stdout.strip())
    assert told == ["11 0", "11 1", "101 0"]
    assert {path.name for path in compiling.sources_of(caller, tmp_path)} == {"caller.py", "called.py", "compiling.py"}
