"""What is installed: wheel and source distribution, of the five packages and the front door alone, used elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build")
ROOT = Path(__file__).parents[1]
ROOMS = {"world", "language", "population", "evolution", "analysis"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution of what git knows, and the wheel that is built of that."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.tar.gz")), next(out.glob("*.whl"))


def test_the_wheel_holds_the_five_packages_and_the_front_door_alone(built: tuple[Path, Path]):
    with zipfile.ZipFile(built[1]) as wheel:
        names = wheel.namelist()
    tops = {name.partition("/")[0] for name in names}
    info = {name for name in tops if name.endswith(".dist-info")}
    assert tops - info == {*ROOMS, "boxlings.py"}
    sources = {path.relative_to(ROOT).as_posix() for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == {*sources, "boxlings.py"}
    assert {"analysis/player.js", "analysis/page.css"} <= set(names)


def test_the_source_distribution_holds_what_the_wheel_is_built_of(built: tuple[Path, Path]):
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "boxlings.py", "world/engine.py", "analysis/player.js"} <= names


def test_what_is_installed_runs_away_from_the_sources(built: tuple[Path, Path], tmp_path: Path):
    place = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(place)]
    done = subprocess.run([*install, str(built[1])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # in a new place everything would be compiled anew, for a minute and a half
    environment = {**os.environ, "PYTHONPATH": str(place), "NUMBA_DISABLE_JIT": "1"}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    where = call("-c", "import boxlings, world, analysis.report; print(boxlings.__file__); print(world.__file__)")
    assert all(line.startswith(str(place)) for line in where.stdout.splitlines()), where.stderr
    few = ["--generations", "1", "--population", "2", "--founder-rounds", "5", "--language-rounds", "1"]
    run = call("-m", "boxlings", "run", "describe:2x3", "--out", "run", "--live-worlds", "4", *few)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "run" / "report.html").is_file()
    assert call("-m", "boxlings", "--version").stdout.startswith("boxlings ")


def test_extras_stay_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = " ".join(project["dependencies"])
    for heavy in ("transformers", "gymnasium", "huggingface_hub", "stable-baselines3", "evotorch", "torchrl", "ray"):
        assert heavy not in needed
    extras = {"transformers", "gymnasium", "pettingzoo", "huggingface_hub", "minari", "torchrl", "evotorch"}
    imports = "import sys, boxlings, evolution.run, evolution.society, analysis.report"
    code = f"{imports}; print(sorted({extras} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_shells_complete_every_command(shell: str):
    done = subprocess.run(
        [sys.executable, "-m", "boxlings", "completion", shell], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    import boxlings

    for command in boxlings._parser()[1]:
        assert command in done.stdout
    assert "seed-from" in done.stdout
    if shell == "bash":
        checked = subprocess.run(["bash", "-n"], input=done.stdout, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
