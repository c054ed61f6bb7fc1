"""Figures of a language: what they show is what was said."""

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from analysis import families, figures, language_figures
from analysis.language_figures import (
    IN_USE,
    distance_over_time,
    language_distances,
    plot_dialects,
    plot_language_distance,
    plot_lexicon,
    plot_word_lives,
    plot_words,
    word_lives,
    word_use,
)
from analysis.run import Run, load_run
from tests.analysis.conftest import Speak, speak_in_words, write_languages, write_run
from world import scenarios

NAMES = ["lexicon", "words", "word-lives", "dialects"]


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


def title_of(ax):
    return ax.get_title(loc="left")


def labels_of(ticks):
    return [label.get_text() for label in ticks]


def heat_of(ax):
    """The numbers of a heat map, rows as they are drawn from the top."""
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    assert ax.yaxis_inverted()
    return mesh.get_array().reshape(len(ax.get_yticks()), -1)


def edits_in_python(one: list[int], other: list[int]) -> int:
    """Levenshtein's distance, plainly."""
    above = list(range(len(other) + 1))
    for i, symbol in enumerate(one):
        row = [i + 1]
        for j, with_symbol in enumerate(other):
            row.append(min(above[j] + (symbol != with_symbol), above[j + 1] + 1, row[j] + 1))
        above = row
    return above[-1]


def speaking(folder: Path, speak: Speak, **options) -> Run:
    return write_languages(write_run(folder), speak, **options)


# ---- the lexicon ----


def test_the_lexicon_shows_how_probable_each_value_is_where_a_symbol_is_said(talking_run: Run) -> None:
    axes = plot_lexicon(talking_run)
    language = talking_run.language()
    said = language.of(talking_run.fittest(language))
    scenario = scenarios.get("guide")
    values = [(a, k) for a, attribute in enumerate(scenario.attributes) for k in range(len(attribute.values))]
    labels = [f"{scenario.attributes[a].name} {scenario.attributes[a].values[k]}" for a, k in values]
    assert labels_of(axes[0].get_yticklabels()) == labels
    assert [title_of(ax).partition(" (")[0] for ax in axes[:3]] == [
        "place 1: colour", "place 2: colour", "place 3: direction",
    ]  # fmt: skip
    for place, ax in enumerate(axes[:3]):
        share = heat_of(ax)
        words = labels_of(ax.get_xticklabels())
        symbols = {language_figures.symbol_name(symbol): symbol for symbol in np.unique(said[:, place])}
        assert set(words) == set(symbols)
        for column, word in enumerate(words):
            meant = language.meanings[said[:, place] == symbols[word]]
            expected = [(meant[:, a] == k).mean() for a, k in values]
            np.testing.assert_allclose(share[:, column], expected)


def test_symbols_stand_in_the_order_of_what_they_mean(tmp_path: Path) -> None:
    def speak(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
        return np.array([3, 1, 4, 2])[meanings[:, 1:]]

    (ax,) = plot_lexicon(speaking(tmp_path / "run", speak))
    np.testing.assert_array_equal(heat_of(ax)[-4:], np.eye(4))
    assert labels_of(ax.get_xticklabels()) == ["bi", "ba", "bo", "be"]


def test_the_fittest_boxling_of_the_generation_speaks(talking_run: Run) -> None:
    assert "boxling 13, the fittest of generation 8" in plot_lexicon(talking_run)[0].figure.get_suptitle()
    assert "boxling 9, the fittest of generation 4" in plot_lexicon(talking_run, generation=4)[0].figure.get_suptitle()


def test_words_of_several_symbols_have_a_panel_of_their_own(talking_run: Run) -> None:
    ax = plot_lexicon(talking_run)[3]
    words = labels_of(ax.get_xticklabels())
    assert title_of(ax) == "words of several symbols"
    assert words == ["boba", "bube", "dabi"]  # the others share their halves with the new word, or are said too rarely
    assert heat_of(ax).max(axis=0).tolist() == [1.0] * 3


def test_of_a_large_language_the_best_named_part_is_shown(talking_run: Run, monkeypatch) -> None:
    for name, value in (("_MAX_PLACES", 2), ("_MAX_SYMBOLS", 3), ("_MAX_VALUES", 6)):
        monkeypatch.setattr(language_figures, name, value)
    axes = plot_lexicon(talking_run)
    assert [title_of(ax).partition(":")[0] for ax in axes] == ["place 1", "place 2", "words of several symbols"]
    assert title_of(axes[0]).endswith(", 3 of 7 symbols")
    assert [len(ax.get_xticks()) for ax in axes] == [3, 3, 3]
    labels = labels_of(axes[0].get_yticklabels())
    assert [sum(label.startswith(name) for label in labels) for name in ("colour", "direction")] == [3, 3]
    # a value that a word names beyond doubt comes before those that share one
    assert heat_of(axes[0])[:3].max() == 1.0


# ---- words over the generations ----


def test_the_use_of_words_is_how_often_a_message_says_them(tmp_path: Path) -> None:
    def speak(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
        messages = np.tile([1, 2, 0], (len(meanings), 1))
        messages[: len(meanings) // 4, 0] = 3
        return messages if generation else messages[:, [1, 0, 2]]

    use = word_use(speaking(tmp_path / "run", speak))
    assert use.index.tolist() == [0, 4, 8]
    assert use.columns.tolist() == ["ba₁", "be₁", "bi₁", "ba₂", "be₂", "bi₂"]  # by place, then by symbol
    assert use.loc[0, ["be₁", "ba₂", "bi₂", "ba₁"]].tolist() == [1.0, 0.75, 0.25, 0.0]
    assert use.loc[8, ["ba₁", "bi₁", "be₂", "be₁"]].tolist() == [0.75, 0.25, 1.0, 0.0]


def test_words_of_several_symbols_are_counted_as_one(talking_run: Run) -> None:
    use = word_use(talking_run)
    language = talking_run.language(8)
    flat = language.messages.reshape(-1, 3)
    assert use.loc[8, "dabi"] == pytest.approx((flat[:, :2] == [6, 3]).all(axis=1).mean())
    # what is said in all: three symbols a message, but for silence and the second halves of words
    assert use.loc[8].sum() == pytest.approx(
        (flat != 0).sum(axis=1).mean() - use.loc[8, ["boba", "bube", "dabi"]].sum()
    )


def test_lives_of_words_are_counted_from_first_to_last_use() -> None:
    use = pd.DataFrame(
        {"old": [1.0, 1.0, 1.0, 1.0], "new": [0, 0, 0.5, 0.5], "dead": [0.5, 0.5, 0, 0], "brief": [0, 0.3, 0, 0],
         "back": [0.3, 0, 0, 0.3], "rare": [IN_USE / 2] * 4},
        index=[0, 10, 20, 30],
    )  # fmt: skip
    lives = word_lives(use)
    assert {word: (life["first"], life["last"]) for word, life in lives.iterrows()} == {
        "old": (0, 30), "new": (20, 30), "dead": (0, 10), "brief": (10, 10), "back": (0, 30),
    }  # fmt: skip
    assert lives.index[lives["is_born"]].tolist() == ["new", "brief"]
    assert lives.index[lives["is_dead"]].tolist() == ["dead", "brief"]
    births, deaths = language_figures._births_and_deaths(use, lives)
    assert births.tolist() == [0, 1, 1, 0]
    assert deaths.tolist() == [0, 0, 2, 0]


def test_shares_of_speech_are_stacked_to_all_of_it_and_named(talking_run: Run) -> None:
    ax = plot_words(talking_run)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("generation", "share of what is said")
    use = word_use(talking_run)
    share = use.div(use.sum(axis=1), axis=0)
    tops = [np.asarray(band.get_paths()[0].vertices) for band in ax.collections]
    assert max(top[:, 1].max() for top in tops) == pytest.approx(1.0)
    assert f"dabi {share.loc[8, 'dabi']:.0%}" in texts_of(ax)
    assert len(texts_of(ax)) == len(ax.collections) == 15
    assert texts_of(ax)[-1].startswith(f"{len(use.columns) - 14} other words")


def test_of_a_large_language_the_named_part_of_the_stack_fills_the_figure(tmp_path: Path) -> None:
    def speak(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
        return np.random.default_rng([generation, slot]).integers(1, 60, (len(meanings), 3))

    ax = plot_words(speaking(tmp_path / "run", speak))
    named = sum(height for band in ax.collections[:-1] if (height := np.ptp(band.get_paths()[0].vertices[:, 1])))
    assert 0.02 < ax.get_ylim()[1] < 0.5
    assert named > 0.5 * ax.get_ylim()[1]
    (others,) = (text for text in ax.texts if "other words" in text.get_text())
    assert 0.8 < others.xy[1] < 1.0  # as a share of the height of the axes


def test_the_timeline_shows_births_and_deaths(talking_run: Run) -> None:
    upper, lower = plot_word_lives(talking_run)
    lives = word_lives(word_use(talking_run))
    assert set(labels_of(upper.get_yticklabels())) == set(lives.index)
    assert {"do₂", "ba₁"} <= set(lives.index)
    assert (lives.loc["do₂", "first"], bool(lives.loc["do₂", "is_born"])) == (8, True)
    assert (lives.loc["ba₁", "last"], bool(lives.loc["ba₁", "is_dead"])) == (4, True)
    told = {text.partition(": ")[0]: int(text.partition(": ")[2]) for text in texts_of(upper)}
    assert sum(told.values()) == len(lives)
    assert told["born and alive"] == (lives["is_born"] & ~lives["is_dead"]).sum() > 0
    heights = [round(bar.get_height()) for bar in lower.patches]
    assert sum(heights[:3]) == lives["is_born"].sum()
    assert -sum(heights[3:]) == lives["is_dead"].sum()
    assert texts_of(lower) == [f"{lives['is_born'].sum()} born", f"{lives['is_dead'].sum()} died"]


def test_of_many_words_those_that_come_and_go_are_shown(talking_run: Run, monkeypatch) -> None:
    monkeypatch.setattr(language_figures, "_MAX_LIVES", 4)
    upper, _ = plot_word_lives(talking_run)
    lives = word_lives(word_use(talking_run))
    changed = set(lives.index[lives["is_born"] | lives["is_dead"]])
    shown = labels_of(upper.get_yticklabels())
    assert len(shown) == 4
    assert set(shown) <= changed or changed <= set(shown)
    assert f"4 of {len(lives)}" in title_of(upper)


# ---- dialects and languages ----


def test_distances_of_speakers_are_mean_edits_as_a_share_of_the_length() -> None:
    messages = np.random.default_rng(0).integers(0, 4, (4, 20, 5))
    found = language_distances(messages)
    for i in range(4):
        for j in range(4):
            pairs = zip(messages[i].tolist(), messages[j].tolist(), strict=True)
            assert found[i, j] == pytest.approx(np.mean([edits_in_python(a, b) for a, b in pairs]) / 5)
    assert np.isnan(language_distances(messages[:, :0])).all()


def test_families_stand_together_in_the_figure_of_dialects(talking_run: Run) -> None:
    heat, time = plot_dialects(talking_run)
    language = talking_run.language()
    mothers = talking_run.boxlings.drop_duplicates("boxling").set_index("boxling")["mother"]
    rank = families.family_order(mothers)
    order = sorted(language.boxlings.tolist(), key=lambda boxling: rank[boxling])
    assert labels_of(heat.get_yticklabels()) == labels_of(heat.get_xticklabels()) == list(map(str, order))
    expected = language_distances(np.stack([language.of(boxling) for boxling in order]))
    np.testing.assert_allclose(heat_of(heat), expected)
    clan_of = families.clans(talking_run.boxlings)
    colours = {boxling: tick.get_color() for boxling, tick in zip(order, heat.get_yticklabels(), strict=True)}
    for one in order:
        for other in order:
            assert (colours[one] == colours[other]) == (clan_of[one] == clan_of[other])
    line = next(line for line in time.lines if line.get_label() == "same meaning")
    assert line.get_xdata().tolist() == [0, 4, 8]


def test_distances_over_time_lie_between_one_language_and_chance(tmp_path: Path) -> None:
    def speak(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
        seed = {0: 0, 4: slot // 3, 8: slot}[generation]  # one language, two dialects, to each its own
        return np.random.default_rng(seed).integers(1, 10, (len(meanings), 3))

    table = distance_over_time(speaking(tmp_path / "run", speak))
    within = table["between_boxlings"]
    assert within[0] == 0.0
    assert within[4] == pytest.approx(0.6 * within[8], rel=0.15)  # 9 of 15 pairs speak different dialects
    assert within[8] == pytest.approx(table.loc[8, "between_meanings"], rel=0.15)


def test_many_meanings_are_sampled_for_the_mean_distance(talking_run: Run, monkeypatch) -> None:
    monkeypatch.setattr(language_figures, "_MAX_COMPARED", 100)
    lengths = []
    monkeypatch.setattr(
        language_figures,
        "language_distances",
        lambda messages: (lengths.append(messages.shape[1]), language_distances(messages))[1],
    )
    assert distance_over_time(talking_run)["between_boxlings"].notna().all()
    assert set(lengths) == {100 // 15}


def test_languages_of_several_runs_are_compared_meaning_by_meaning(talking_run: Run, tmp_path: Path) -> None:
    def longer(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
        messages = speak_in_words(generation, 0, meanings)
        return np.concatenate([messages, np.full((len(meanings), 1), 5)], axis=1)

    other, same = speaking(tmp_path / "other", longer), speaking(tmp_path / "same", speak_in_words)
    heat, time = plot_language_distance([talking_run, other, same])
    np.testing.assert_allclose(heat_of(heat), [[0, 0.25, 0], [0.25, 0, 0.25], [0, 0.25, 0]])
    assert labels_of(heat.get_xticklabels()) == ["talk", "other", "same"]
    assert title_of(heat) == "How differently runs speak of 24 meanings"
    assert [line.get_label() for line in time.lines] == ["talk", "other", "same"]


def test_runs_of_one_name_are_told_apart_by_their_folders(talking_run: Run, tmp_path: Path) -> None:
    other = speaking(tmp_path / "elsewhere" / "talk", speak_in_words)
    labels = labels_of(plot_language_distance([talking_run, other])[0].get_xticklabels())
    assert labels == ["talk", "elsewhere/talk"]
    labels = labels_of(plot_language_distance([talking_run, talking_run])[0].get_xticklabels())
    assert labels == ["talk", "talk"]
    far = speaking(tmp_path / "elsewhere" / "a name of more than twenty letters" / "talk", speak_in_words)
    labels = labels_of(plot_language_distance([talking_run, far])[0].get_xticklabels())
    assert labels == ["talk", "…han twenty letters/talk"]


def test_runs_that_cannot_be_compared_are_refused(talking_run: Run, run: Run, naming_run: Run) -> None:
    with pytest.raises(ValueError, match=r"one scenario only, got guide of .*talk and name of .*names$"):
        plot_language_distance([talking_run, naming_run])
    with pytest.raises(ValueError, match="night run has no recorded language"):
        plot_language_distance([talking_run, run])
    with pytest.raises(ValueError, match="one scenario only"):
        figures.write_plots(talking_run, [naming_run])
    assert not (talking_run.folder / "plots").exists()


def test_runs_without_a_meaning_in_common_are_refused(talking_run: Run, tmp_path: Path, monkeypatch) -> None:
    other = speaking(tmp_path / "other", speak_in_words)
    whole = Run.language

    def shifted(run: Run) -> object:
        language = whole(run)
        return replace(language, meanings=language.meanings + 50) if run is other else language

    monkeypatch.setattr(Run, "language", lambda run, *given: shifted(run) if not given else whole(run, *given))
    with pytest.raises(ValueError, match="recorded no meaning in common"):
        plot_language_distance([talking_run, other])


# ---- all of them ----


def test_figures_of_the_language_are_drawn_with_the_others(talking_run: Run, tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    paths = figures.write_plots(talking_run, [speaking(tmp_path / "other", speak_in_words)])
    assert dict(matplotlib.rcParams) == before
    assert [path.stem for path in paths] == [
        "fitness", "success", "vocabulary", "experts", "lineage", "family-tree", *NAMES, "language-distance",
    ]  # fmt: skip
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_figures_are_drawn_on_the_axes_given(talking_run: Run) -> None:
    own = list(Figure().subplots(1, 4))
    assert plot_lexicon(talking_run, own) == own
    assert plot_words(talking_run, own[0]) is own[0]
    two = list(Figure().subplots(1, 2))
    for plot in (plot_word_lives, plot_dialects):
        assert plot(talking_run, two) == two
    assert plot_language_distance([talking_run], two) == two
    with pytest.raises(ValueError, match="needs 4 axes, got 2"):
        plot_lexicon(talking_run, two)


def test_a_run_without_a_recorded_language_has_no_such_figures_and_says_so(run: Run) -> None:
    assert list(language_figures.drawn_of_language(run)) == []
    for axes in (plot_lexicon(run), [plot_words(run)], plot_word_lives(run), plot_dialects(run)):
        assert all(texts_of(ax) == ["no language was recorded in this run"] for ax in axes)


def constant(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
    return np.ones((len(meanings), 3), int)


def silent(generation: int, slot: int, meanings: np.ndarray) -> np.ndarray:
    return np.zeros((len(meanings), 3), int)


@pytest.mark.parametrize("speak", [constant, silent, speak_in_words])
@pytest.mark.parametrize("num_boxlings", [1, 6])
def test_odd_languages_can_be_drawn(tmp_path: Path, speak: Speak, num_boxlings: int) -> None:
    odd = speaking(tmp_path / "run", speak, num_boxlings=num_boxlings)
    assert [name for name, _ in language_figures.drawn_of_language(odd)] == NAMES
    heat, _ = plot_dialects(odd)
    if num_boxlings == 1:
        assert texts_of(heat) == ["one boxling has no one to differ from"]
        assert texts_of(plot_language_distance([odd])[1]) == ["one boxling has no one to differ from"]
    if speak is constant:
        assert [title_of(ax) for ax in plot_lexicon(odd)] == [f"place {k}: nothing (0.0 bits)" for k in (1, 2, 3)]
        assert word_use(odd).loc[8].to_dict() == {"ba₁": 1.0, "ba₂": 1.0, "ba₃": 1.0}
    if speak is silent:
        assert texts_of(plot_words(odd)) == ["nobody said a word"]
        assert labels_of(plot_lexicon(odd)[0].get_xticklabels()) == ["_"]


def test_one_measured_generation_can_be_drawn(talking_run: Run) -> None:
    for generation in (0, 4):
        (talking_run.folder / "languages" / f"{generation:06d}.parquet").unlink()
    assert [name for name, _ in language_figures.drawn_of_language(load_run(talking_run.folder))] == NAMES
    _, lower = plot_word_lives(talking_run)
    assert texts_of(lower) == ["0 born", "0 died"]


def test_of_a_long_run_some_generations_are_read_first_and_last_among_them(talking_run: Run, monkeypatch) -> None:
    monkeypatch.setattr(language_figures._spread_out, "__defaults__", (2,))
    assert word_use(talking_run).index.tolist() == [0, 8]
    assert distance_over_time(talking_run).index.tolist() == [0, 8]
