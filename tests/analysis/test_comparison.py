"""Several runs on one page: which belong together, how far apart they are, and how sure that is."""

from __future__ import annotations

import html
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import stats

from analysis.comparison import groups_of, plot_comparison, write_comparison
from analysis.run import Run

SHARES = {"truncation": (0.9, 0.8, 0.7), "random": (0.5, 0.3, 0.1)}


@pytest.fixture
def runs(talking_run: Run) -> list[Run]:
    """Two arms of three seeds each, with a success of their own at last."""
    made = []
    for strategy, shares in SHARES.items():
        for seed, share in enumerate(shares, 1):
            config = talking_run.config | {"seed": seed, "out": f"runs/{seed}", "selection": {"strategy": strategy}}
            table = talking_run.generations.copy()
            table.loc[table.index[-1], "success"] = share
            made.append(replace(talking_run, config=config, generations=table))
    return made


def test_runs_that_differ_by_their_seed_alone_are_a_group(runs: list[Run]) -> None:
    groups = groups_of([runs[0], runs[3], *runs[1:3], *runs[4:]])
    assert [group.name for group in groups] == ["strategy truncation", "strategy random"]
    for group, shares in zip(groups, SHARES.values(), strict=True):
        assert group.values("success").to_dict() == dict(enumerate(shares, 1))
        assert not len(group.values("no such measure"))
    (alone,) = groups_of(runs[:3])
    assert alone.name == "guide"


def test_the_page_tells_means_and_differences_with_intervals_over_seeds(runs: list[Run], tmp_path: Path) -> None:
    path = write_comparison(runs, tmp_path / "comparison.html")
    text = html.unescape(path.read_text(encoding="utf-8"))
    one, other = (np.array(shares) for shares in SHARES.values())
    low, high = stats.t.interval(0.95, 2, loc=one.mean(), scale=stats.sem(one))
    assert f"80% ({100 * low:.0f} to {100 * min(high, 1.0):.0f}%)" in text
    paired = other - one
    low, high = stats.t.interval(0.95, 2, loc=paired.mean(), scale=stats.sem(paired))
    told = f"{100 * paired.mean():+.0f} ({100 * low:+.0f} to {100 * high:+.0f}) points".replace("-", "−")
    assert told in text
    assert "1: 90%, 2: 80%, 3: 70%" in text
    assert "<code>selection.strategy</code>" in text
    assert text.count("<figure>") == 3  # curves, last values, languages
    assert len(text) < 5_000_000
    assert write_comparison(runs, tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_other_seeds_are_compared_by_welchs_test(runs: list[Run], tmp_path: Path) -> None:
    strangers = [replace(run, config=run.config | {"seed": 10 + run.config["seed"]}) for run in runs[3:]]
    text = write_comparison([*runs[:3], *strangers], tmp_path / "page.html").read_text(encoding="utf-8")
    interval = stats.ttest_ind(SHARES["random"], SHARES["truncation"], equal_var=False).confidence_interval()
    told = f"({100 * interval.low:+.0f} to {100 * interval.high:+.0f}) points".replace("-", "−")
    assert told in html.unescape(text)


def test_single_runs_have_no_interval(runs: list[Run], tmp_path: Path) -> None:
    text = html.unescape(write_comparison([runs[0], runs[3]], tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "success on trained goals 90%, one seed" in text
    assert '<td class="number">−40 points</td>' in text
    with pytest.raises(ValueError, match="two runs or more, got 1"):
        write_comparison(runs[:1], tmp_path / "no.html")
    assert not (tmp_path / "no.html").exists()


def test_every_run_is_a_line_and_every_group_a_thick_one(runs: list[Run]) -> None:
    ax = plot_comparison(groups_of(runs), "success", "Success", "worlds solved (share)", Figure().subplots())
    thin, thick = ([line for line in ax.lines if (line.get_linewidth() > 2) == is_thick] for is_thick in (False, True))
    assert len([line for line in thin if len(line.get_xdata()) == 12]) == 6
    assert [line.get_ydata()[-1] for line in thick] == pytest.approx([0.8, 0.3])


def test_names_in_runs_are_shown_as_text(runs: list[Run], tmp_path: Path, hostile: str) -> None:
    evil = replace(runs[3], config=runs[3].config | {"scenario": hostile, hostile: 1})
    text = write_comparison([runs[0], evil], tmp_path / "page.html").read_text(encoding="utf-8")
    assert hostile not in text
    assert html.escape(hostile) in text
