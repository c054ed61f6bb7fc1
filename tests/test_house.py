"""The house as a whole: which way imports go, and whether what is written about it is true."""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import boxlings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

# who may import whom, besides itself
MAY_IMPORT: dict[str, set[str]] = {
    "world": set(),
    "language": set(),
    "population": {"world", "language"},
    "evolution": {"world", "language", "population"},
    "analysis": {"world", "language", "population", "evolution"},
    "boxlings": {"world", "language", "population", "evolution", "analysis"},
    "examples": {"world", "language", "population", "evolution", "analysis", "boxlings"},
    "benchmarks": {"world", "language", "population", "evolution", "analysis", "boxlings"},
}


def our_files() -> Iterator[Path]:
    """Every file of the project; not what tools and runs leave behind."""
    left_behind = {"__pycache__", "runs", "studies", "build", "dist"}
    for folder, folders, files in os.walk(ROOT):
        if "pyvenv.cfg" in files:
            folders.clear()
            continue
        hidden = {name for name in folders if name.startswith(".") or name.endswith(".egg-info")} - {".ci"}
        folders[:] = sorted(set(folders) - hidden - left_behind)
        yield from (Path(folder, name) for name in sorted(files) if name != ".git")  # a file in a worktree of git


def sources(*rooms: str) -> list[Path]:
    """The Python files of these folders or modules."""
    of_ours = [path for path in our_files() if path.suffix == ".py"]
    return [path for path in of_ours if path.relative_to(ROOT).parts[0].removesuffix(".py") in rooms]


def imported_names(source: str) -> set[str]:
    """Full names of all modules that a source imports, wherever in it; relative ones stay in their folder."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_imports_go_one_way_only(room):
    for path in sources(room):
        rooms = {name.partition(".")[0] for name in imported_names(path.read_text(encoding="utf-8"))}
        wrong = rooms & {*MAY_IMPORT, "tests"} - MAY_IMPORT[room] - {room}
        assert not wrong, f"{path.relative_to(ROOT)} imports {', '.join(sorted(wrong))}"


def test_every_room_of_the_house_is_checked():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == {"world", "language", "population", "evolution", "analysis"}
    assert packages < set(MAY_IMPORT)
    assert all(sources(room) for room in packages)


def test_the_search_for_imports_finds_them_everywhere():
    source = "import a.b\ndef f():\n    from c import d\n    from . import e\n"
    assert imported_names(source) == {"a.b", "c", "c.d"}


def test_nothing_is_pickled():
    for path in sources(*MAY_IMPORT):
        text = path.read_text(encoding="utf-8")
        modules = {name.partition(".")[0] for name in imported_names(text)}
        assert not modules & {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}, path
        assert not re.search(r"torch\.(save|load)\(|allow_pickle|np\.save\(", text), path


def test_every_source_says_what_it_is():
    for path in sources(*MAY_IMPORT, "tests"):
        if path.read_text(encoding="utf-8"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_no_file_names_a_place_on_one_machine():
    homes = {os.sep.join(("", name, "")) for name in ("work", "home", "root", "Users")}
    places = homes | {str(place) for place in (ROOT, Path.home()) if len(str(place)) > 4}
    for path in our_files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a picture
            continue
        found = [place for place in places if place in text]
        assert not found, f"{path.relative_to(ROOT)} has {found}"


def readme_commands() -> list[str]:
    """Lines of the README's code that begin with `boxlings `, without what is said about them."""
    lines = re.findall(r"^ {4}(boxlings .*)$", README, re.MULTILINE)
    return [re.split(r"\s{2,}", line)[0] for line in lines]


@pytest.mark.parametrize("command", readme_commands())
def test_a_command_in_the_readme_can_be_parsed(command):
    boxlings._parse(shlex.split(command)[1:])


def test_the_readme_shows_every_command():
    shown = {shlex.split(command)[1] for command in readme_commands()}
    assert shown == set(boxlings._parser()[1])


def test_the_readme_uses_make_targets_that_there_are():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    used = re.findall(r"^ {4}make (\S+)$", README, re.MULTILINE)
    assert used == ["demo", "test"]
    assert set(used) <= set(targets)


def test_python_in_the_readme_runs():
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, object] = {}  # blocks go on where the one before ended
    for block in blocks:
        if "evolve(" in block:  # takes minutes; examples/ has a small one that the tests run
            for name in imported_names(block) - {"boxlings"}:
                assert name.removeprefix("boxlings.") in boxlings.__all__
            continue
        exec(compile(block, "README.md", "exec"), names)
    assert names["view"].shape == (1024, 4, 7, 7)  # type: ignore[attr-defined]


def test_the_map_in_the_readme_names_every_file_and_no_other():
    section = README.partition("\n## Map\n")[2].partition("\n## ")[0]
    named, room = set(), ""
    for line in re.findall(r"^ {4}(.*)$", section, re.MULTILINE):
        if match := re.match(r"(\w+)/ ", line):
            room = match[1]
        elif match := re.match(r"( *)(\S+\.py) ", line):
            named.add(f"{room}/{match[2]}" if match[1] else match[2])
    rooms = ("boxlings", "world", "language", "population", "evolution", "analysis")
    there = {path.relative_to(ROOT).as_posix() for path in sources(*rooms) if path.name != "__init__.py"}
    assert named == there


def test_continuous_integration_is_the_readmes_test_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make test" in script.read_text(encoding="utf-8")
