"""Figures: what they show is what the tables hold."""

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import style
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from analysis import families, figures
from analysis.drawing import BLACK, PAPER, brightness, svg
from analysis.inline_svg import inline
from analysis.lineage_figures import plot_family_tree
from analysis.run import Run, wide
from language.intervals import share_interval

NAMES = ["fitness", "success", "vocabulary", "experts", "lineage", "family-tree"]


def line_named(ax, label):
    return next(line for line in ax.lines if line.get_label() == label)


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


def only_generation(run: Run, generation: int) -> Run:
    measures = run.measures[run.measures["generation"] == generation]
    boxlings = run.boxlings[run.boxlings["generation"] == generation]
    return replace(run, measures=measures, generations=wide(measures), boxlings=boxlings)


def test_fitness_shows_the_mean_and_the_band_from_worst_to_best(run: Run) -> None:
    ax = figures.plot_fitness(run)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("generation", "raw fitness (higher is better)")
    mean = line_named(ax, "mean")
    assert mean.get_xdata().tolist() == list(range(12))
    np.testing.assert_allclose(mean.get_ydata(), run.generations["fitness_mean"])
    corners = ax.collections[0].get_paths()[0].vertices
    at_the_end = corners[corners[:, 0] == 11, 1]
    assert (at_the_end.min(), at_the_end.max()) == pytest.approx((0.3, 1.1))
    assert {"best 1.10", "mean 0.90", "worst 0.30"} <= set(texts_of(ax))


def test_a_figure_is_drawn_on_the_axes_given(run: Run) -> None:
    own = Figure().subplots()
    for plot in (figures.plot_fitness, figures.plot_experts, figures.plot_lineage):
        assert plot(run, own) is own
    six = Figure().subplots(2, 3)
    assert figures.plot_vocabulary(run, six) == list(six.ravel())
    with pytest.raises(ValueError, match="needs 6 axes, got 1"):
        figures.plot_vocabulary(run, own)


def test_measures_taken_now_and_then_are_joined_dots(run: Run) -> None:
    success, understanding, symbols, entropy, similarity, agreement = figures.plot_vocabulary(run)
    muted = line_named(success, "muted")
    assert muted.get_xdata().tolist() == [0, 4, 8]
    assert muted.get_ydata().tolist() == [0.05] * 3
    assert (muted.get_marker(), line_named(success, "trained goals").get_marker()) == ("o", "None")
    np.testing.assert_allclose(line_named(success, "held-out goals").get_ydata(), [0, 0.6 * 4 / 11, 0.6 * 8 / 11])
    np.testing.assert_allclose(line_named(success, "chance").get_ydata(), 1 / 12)
    assert success.get_ylim()[0] <= 0
    assert success.get_ylim()[1] >= 1
    assert understanding.get_ylabel() == "meanings understood (share)"
    assert symbols.lines[0].get_ydata()[-1] == pytest.approx(5.0)
    assert entropy.get_ylabel() == "bits per message"
    assert similarity.lines[0].get_ydata()[-1] == pytest.approx(0.7)
    assert agreement.get_xlabel() == "generation"


def test_no_two_names_of_lines_touch(run: Run) -> None:
    success = figures.plot_vocabulary(run)[0]
    success.figure.draw_without_rendering()
    boxes = sorted((Text.get_window_extent(text) for text in success.texts), key=lambda box: box.y0)
    assert len(boxes) == 5
    for lower, upper in pairwise(boxes):
        assert upper.y0 >= lower.y1 - 3  # pixels; the box of a text is a little higher than its letters
        assert lower.x0 > success.get_window_extent().x1


def test_a_measure_that_is_missing_is_said_to_be(run: Run) -> None:
    bare = replace(run, generations=run.generations.drop(columns=["agreement"]))
    axes = figures.plot_vocabulary(bare)
    assert texts_of(axes[5]) == ["not measured in this run"]
    none = replace(run, generations=run.generations[["fitness_mean"]])
    assert texts_of(figures.plot_experts(none)) == ["not measured in this run"]
    assert figures.pictures(none)["experts"]


def test_experts_show_the_shares_of_the_last_generation(run: Run) -> None:
    ax = figures.plot_experts(run)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("expert", "kind of token")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["visual", "expert 0"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["vision", "heard", "goal"]
    assert texts_of(ax) == ["100%", "0%", "0%", "100%", "0%", "100%"]
    assert ax.get_title(loc="left").endswith("generation 11")
    heights = [ax.transData.transform((0, y))[1] for y in ax.get_yticks()]
    assert heights == sorted(heights, reverse=True)  # vision on top


def test_a_clan_is_everyone_who_descends_from_one_founder() -> None:
    boxlings = pd.DataFrame(
        {
            "generation": [0, 0, 1, 1, 2, 2],
            "boxling": [0, 1, 1, 2, 3, 4],
            "mother": [-1, -1, -1, 0, 2, -1],
        }
    )
    assert families.clans(boxlings).to_dict() == {0: 0, 1: 1, 2: 0, 3: 0, 4: 4}


def test_a_family_stands_together_and_daughters_follow_their_mother() -> None:
    mothers = pd.Series({0: -1, 1: -1, 2: 0, 3: 1, 4: 2, 5: 0, 6: 4})
    rank = families.family_order(mothers)
    assert sorted(rank, key=lambda boxling: rank[boxling]) == [0, 5, 2, 4, 6, 1, 3]


def test_lineage_bands_fill_the_population_and_births_are_dots(run: Run) -> None:
    ax = figures.plot_lineage(run)
    assert ax.get_ylabel() == "share of the population"
    bands = next(c for c in ax.collections if isinstance(c, PolyCollection))
    areas = []
    for path in bands.get_paths():
        x, y = path.vertices[:-1].T
        areas.append(0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))
    assert len(areas) == run.boxlings["boxling"].nunique()
    assert sum(areas) == pytest.approx(11.0)  # 11 generations wide, all of the population high
    dots = next(c for c in ax.collections if isinstance(c, PathCollection))
    born = run.boxlings.drop_duplicates("boxling").query("birth_generation > 0")
    assert len(dots.get_offsets()) == len(born) == 11
    shares = [int(re.search(r": (\d+)%", text).group(1)) for text in texts_of(ax)]
    assert sum(shares) == pytest.approx(100, abs=len(shares))
    clan_of_last = families.clans(run.boxlings)[run.boxlings.query("generation == 11")["boxling"]]
    for clan, share in clan_of_last.value_counts(normalize=True).items():
        assert f"clan {clan}: {share:.0%}" in texts_of(ax)


def test_all_figures_are_written_as_png_and_leave_no_trace(run: Run) -> None:
    before = dict(matplotlib.rcParams)
    paths = figures.write_plots(run)
    assert dict(matplotlib.rcParams) == before
    assert [path.stem for path in paths] == NAMES
    assert {path.suffix for path in paths} == {".png"}
    assert sorted(run.folder.joinpath("plots").iterdir()) == sorted(paths)
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"
            assert image.width >= 900
            picture = image.convert("RGB")
        assert picture.getpixel((0, 0)) == (255, 255, 255)
        assert len(picture.getcolors(1 << 24)) > 10


def test_the_look_does_not_depend_on_the_users_style(run: Run) -> None:
    plain = figures.pictures(run)
    with style.context("dark_background"):
        assert figures.pictures(run) == plain


@pytest.mark.parametrize("generation", [0, 5])
def test_a_run_of_one_generation_can_be_drawn(run: Run, generation: int, tmp_path: Path) -> None:
    short = only_generation(run, generation)
    assert list(figures.pictures(short)) == NAMES
    ax = figures.plot_fitness(short)
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(generation)]


def test_a_run_without_generations_can_be_drawn(run: Run) -> None:
    empty = only_generation(run, 99)
    assert texts_of(figures.plot_lineage(empty)) == ["not measured in this run"]
    assert all(figures.pictures(empty).values())


@pytest.mark.parametrize("file_format", ["png", "svg"])
def test_all_figures_are_written_in_either_format(run: Run, file_format: str) -> None:
    paths = figures.write_plots(run, file_format=file_format)
    assert [path.name for path in paths] == [f"{name}.{file_format}" for name in NAMES]
    for path in paths:
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG" if file_format == "png" else b"<?xml")
    again = figures.write_plots(run, file_format=file_format)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]
    with pytest.raises(ValueError, match="one of png, svg, got 'gif'"):
        figures.write_plots(run, file_format="gif")


def test_success_has_bands_where_it_is_known_how_many_worlds_there_were(run: Run) -> None:
    assert not figures.plot_success(run).collections
    played = replace(run, config=run.config | {"live_worlds": 50, "population": 6, "generations": 11})
    ax = figures.plot_success(played)
    corners = ax.collections[0].get_paths()[0].vertices
    at_the_end = corners[corners[:, 0] == 11, 1]
    assert (at_the_end.min(), at_the_end.max()) == pytest.approx(share_interval(270, 300))


def test_the_family_tree_leads_from_the_living_to_the_founders(run: Run) -> None:
    ax = plot_family_tree(run)
    living = set(run.boxlings.query("generation == 11")["boxling"])
    assert {int(text.split()[0]) for text in texts_of(ax)} == living
    black = next(c for c in ax.collections if np.allclose(c.get_edgecolor()[0][:3], to_rgb(BLACK)))
    line = run.lineage.ancestors(16).tolist()
    first = run.boxlings.groupby("boxling")["generation"].min()
    level = [part for part in black.get_segments() if part[0][1] == part[1][1]]
    assert sorted(part[0][0] for part in level) == sorted(first[line])
    with pytest.raises(ValueError, match="one of the living or of their ancestors, got 99"):
        plot_family_tree(run, boxling=99)


def test_a_figure_within_a_page_takes_the_colours_of_the_page(run: Run) -> None:
    figure = figures.plot_fitness(run).figure
    text, colours = inline(svg(figure, "fitness", has_paper=False), "how &amp; what")
    assert text.startswith('<svg role="img" aria-label="how &amp; what"')
    assert "var(--ink)" in text
    assert BLACK not in text
    assert PAPER not in text
    assert "<metadata" not in text
    for name, (on_light, on_dark) in colours.items():
        assert f"var(--{name})" in text
        assert brightness(to_rgb(on_dark)) >= 0.6
        assert name == f"text-{on_light[1:]}"
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert referred == set(re.findall(r' id="([^"]+)"', text))
