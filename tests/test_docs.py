"""The site is built, its links hold, and its pages ask no network for anything; every recorded measure has a page."""

from __future__ import annotations

import doctest
import importlib
import os
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from analysis.catalogue import CATALOGUE, entry_of
from boxlings import LearningConfig, RunConfig, evolve, load_run
from evolution import own_measures, select
from population import token_experts
from world import scenarios, statics

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("tutorial_*.py"))  # the others are in test_cli.py
_OF_A_PAGE = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


class Links(HTMLParser):
    """What a page refers to, what it loads, and the places in it that can be referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        for name in ("id", "name"):
            if found.get(name):
                self.anchors.add(str(found[name]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        is_loaded = tag != "link" or found.get("rel") not in ("canonical", "prev", "next", "edit")
        if tag in _OF_A_PAGE and is_loaded and found.get(_OF_A_PAGE[tag]):
            self.loads.append(str(found[_OF_A_PAGE[tag]]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "--site-dir", str(folder)],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_link_of_the_site_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 60
    broken = []
    for path, page in pages.items():
        for address in [*page.links, *page.loads]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.loads and parts.scheme != "data":
                    broken.append(f"{path.relative_to(site)} loads {address}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                broken.append(f"{path.relative_to(site)}: {address} is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append(f"{path.relative_to(site)}: {address} has no such place")
        assert not re.search(r"@import|url\(\s*['\"]?https?:", path.read_text(encoding="utf-8"))
    assert broken == []


def test_tutorials_show_their_scripts_and_examples_are_code(site: Path) -> None:
    for page in (site / "tutorials").glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "8&lt;" not in text
        assert '<span class="k">def</span>' in text
    measure = (site / "measures" / "topographic_similarity.html").read_text(encoding="utf-8")
    assert '<span class="gp">&gt;&gt;&gt; </span>' in measure
    assert "<blockquote>" not in measure
    assert "H(meaning | message)" in (site / "measures" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["pages", "doctests"])
def test_examples_in_what_makes_the_site_are_true(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mkdocs")
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_every_scenario_and_every_measure_has_its_page(site: Path) -> None:
    for name in scenarios.names():
        text = (site / "scenarios" / f"{name}.html").read_text(encoding="utf-8")
        assert f'src="{name}.png"' in text
        assert (site / "scenarios" / f"{name}.png").stat().st_size > 300
        assert scenarios.get(name).summary[1:40] in text
    assert (site / "measures" / "topographic_similarity.html").is_file()
    assert len(list((site / "measures").glob("recorded-*.html"))) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("scenario", "options"),
    [("guide", {}), ("describe:2x4", {"strategy": "map-elites", "genes": True, "revalidated_elites": 1})],
)
def test_everything_that_a_run_records_is_in_the_catalogue(tmp_path: Path, scenario: str, options: dict) -> None:
    config = RunConfig(
        scenario=scenario, out=str(tmp_path / "run"), generations=1, population=4, live_worlds=4,
        learning=LearningConfig(founder_rounds=5, language_rounds=1, acting_rounds=1, acting_worlds=2),
    )  # fmt: skip
    run = load_run(evolve(config.with_options(options)))
    names = set(run.measures["name"]) | set(run.timing["name"])
    assert len(names) > 30
    unknown = sorted(name for name in names if entry_of(name) is None)
    assert unknown == []


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_every_tutorial_runs(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", [str(script), str(tmp_path / "run")])
    runpy.run_path(str(script), run_name="__main__")
    told = capsys.readouterr().out
    assert told
    if script.stem == "tutorial_own":
        for registry, name in (
            (select.REGISTRY, "lottery"), (own_measures.REGISTRY, "first_symbols"), (token_experts.REGISTRY, "gated"),
            (statics.REGISTRY, "stain"),
        ):  # fmt: skip
            assert name in registry.others()
            registry.remove(name)
        assert "[[3, 0, 3]]" in told
    if script.stem == "tutorial_scenario":  # its page says so
        scenarios.REGISTRY.remove("stand")
        solved, muted, by_chance = map(int, re.findall(r"(\d+)%", told))
        assert solved >= 90
        assert muted <= 2 * by_chance
