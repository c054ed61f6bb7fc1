"""The report page; what a browser makes of it is in test_browser.py."""

import html
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from analysis.figures import plot_fitness, plot_lineage
from analysis.report import ancestors_told, measured, summary_sentences, write_report
from analysis.run import Run, load_run
from language.intervals import share_interval


def test_a_report_holds_numbers_figures_words_families_options_and_replays(run: Run) -> None:
    path = write_report(run)
    assert path == run.folder / "report.html"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    assert text.count("<figure>") == text.count("<svg") == 6
    assert "<title>boxlings: night run</title>" in text
    assert "<b>90%</b><span>success, trained goals</span><span>at first 0%</span>" in text
    assert "<b>5%</b><span>success when muted</span>" in text
    assert "place 1: colour" in text
    assert "place 2: direction" in text
    assert '<td class="word">be</td><td class="text">red ' in text.replace("\n", "")
    assert "<code>evolution.num_boxlings</code>" in text
    assert 'id="episodes"' in text
    assert "12 recorded episodes of 3 generations" in text
    for heading in ("Replay", "Before and after", "Fitness and success", "Experts", "Lineage", "Options and versions"):
        assert f"<h2>{heading}</h2>" in text
    elsewhere = write_report(run, run.folder / "else.html")
    assert elsewhere.read_bytes() == path.read_bytes()


def test_a_report_on_a_language_shows_its_words(talking_run: Run) -> None:
    text = write_report(talking_run).read_text(encoding="utf-8").replace("\n", "")
    assert text.count("<figure>") == 10
    assert len(text) < 5_000_000
    for told in ("What the fittest boxling's words mean", "From when to when each word was in use"):
        assert html.escape(told) in text
    assert '<td class="word">babe</td><td class="text">colour blue <span class=\'dim\'>100%</span>' in text


def test_recorded_text_is_escaped_and_nothing_is_fetched(run: Run, hostile: str) -> None:
    text = write_report(run).read_text(encoding="utf-8")
    assert hostile not in text
    assert text.count(html.escape(hostile)) == 2  # an option and a word's meaning
    assert text.count("<script") == 3
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", text)  # of the kinds of drawing, which nobody fetches
    assert not re.search(r'(src|href)="(?!#)|https?:|@import|url\((?!#)', without_names)


def test_the_summary_says_what_was_measured_and_when(run: Run) -> None:
    told = " ".join(summary_sentences(run))
    assert "6 boxlings at a time lived through 11 generations of the scenario guide" in told
    assert "In generation 11 they solved 90% of the worlds they were given; in generation 0 it was 0%" in told
    assert "By chance it would be 8%." in told
    assert "in generation 8: 5% with the channel muted, 8% with shuffled words, 44% on goals never" in told
    assert "the language went, in symbols in effective use per place of a message from 9.0 to 5.0" in told
    assert "11 boxlings were born on the way; 5 of 7 clans live on" in told
    assert "The run took 24 s and 120,000 agent-steps." in told
    bare = replace(run, generations=run.generations[["fitness_mean"]])
    assert "solved" not in " ".join(summary_sentences(bare))


def test_shares_of_worlds_have_intervals_where_it_is_known_how_many_there_were(run: Run) -> None:
    assert measured(run, "success").interval is None
    played = replace(run, config=run.config | {"live_worlds": 50, "population": 6, "generations": 11})
    assert measured(played, "success").interval == share_interval(270, 300)
    assert str(measured(played, "success")) == "90% (86 to 93%)"
    assert measured(played, "topographic_similarity").interval is None
    told = " ".join(summary_sentences(played))
    assert "Without hearing they do worse: what is said causes what is done." in told
    deaf = replace(played, generations=played.generations.assign(success_muted=0.9))
    assert "nothing shows that words cause what is done" in " ".join(summary_sentences(deaf))


def test_a_run_without_checkpoints_and_episodes_has_a_report_that_says_so(run: Run) -> None:
    for path in [*run.folder.glob("checkpoints/*/*"), *run.folder.glob("episodes/*"), *run.folder.glob("anc*")]:
        path.unlink()
    text = write_report(load_run(run.folder)).read_text(encoding="utf-8")
    assert "No episodes were recorded." in text
    assert "Lexicon" not in text
    assert "There is no undamaged checkpoint" in text


def test_a_run_that_was_stopped_has_a_report_that_says_where(run: Run) -> None:
    assert 'class="notice"' not in write_report(run).read_text(encoding="utf-8")
    stopped = replace(run, config=run.config | {"generations": 75})
    (run.folder / "episodes" / "000004.parquet").write_bytes(b"half a file")
    text = html.unescape(write_report(stopped).read_text(encoding="utf-8"))
    assert f"The run ended early, in generation 11 of 75: `boxlings resume {run.folder}` goes on." in text
    assert "The episodes of generation 4 cannot be replayed" in text
    assert "8 recorded episodes of 2 generations" in text


def test_the_line_of_the_fittest_leads_to_its_beginning_each_with_an_episode(run: Run) -> None:
    line = ancestors_told(run)
    assert [each.boxling for each in line] == run.lineage.ancestors(16).tolist()
    assert line[-1].how == "newborn, born in generation 6"  # in this made-up run one has no mother
    assert line[0].how.startswith("mutant of ")
    for each in line:
        if each.boxling in run.remembered:
            assert each.episode["episode"] == each.boxling
        elif each.episode:  # another one that it took part in
            assert each.boxling in each.episode["boxlings"]
    text = write_report(run).read_text(encoding="utf-8")
    assert '<a href="#line/16/0">watch</a>' in text


def test_of_many_recorded_generations_some_are_left_out_and_the_page_says_so(run: Run, monkeypatch) -> None:
    monkeypatch.setattr("analysis.report._MAX_PLAYER_BYTES", 30_000)
    text = write_report(run).read_text(encoding="utf-8")
    assert "8 recorded episodes of 2 generations; left out to keep this page small: 1 more" in text


def test_the_founders_childhood_is_no_generation_and_takes_no_room_where_nothing_was_measured(run: Run) -> None:
    table = run.generations
    childhood = pd.DataFrame({"symbols_in_use": [2.0, 3.0]}, index=pd.Index([-2, -1], name=table.index.name))
    grown = replace(run, generations=pd.concat([childhood, table]))
    assert "lived through 11 generations" in " ".join(summary_sentences(grown))
    assert plot_fitness(grown).get_xlim() == plot_lineage(grown).get_xlim() == (0.0, 11.0)


@pytest.mark.skipif(os.name == "nt", reason="signals of other systems")
def test_a_run_that_was_killed_has_a_report_that_says_what_is_missing(tmp_path: Path) -> None:
    """In the middle of a generation, by a signal that nobody can catch."""
    folder = tmp_path / "run"
    options = [
        "guide", "--out", folder, "--generations", 10**6, "--population", 4, "--founder-rounds", 5, "--language-rounds",
        1, "--acting-rounds", 1, "--acting-worlds", 2, "--live-worlds", 2, "--measure-every", 2, "--checkpoint-every",
        2, "--record-every", 2, "--no-pictures",
    ]  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-m", "boxlings", "run", *map(str, options)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (folder / "checkpoints" / "000004").exists():
            assert running.poll() is None
            time.sleep(0.01)
        assert "The run goes on: " in write_report(load_run(folder)).read_text(encoding="utf-8")
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    killed = load_run(folder)
    last = killed.state.last_generation
    text = html.unescape(write_report(killed).read_text(encoding="utf-8"))
    assert f"The run ended early, in generation {last} of 1000000: `boxlings resume {folder}` goes on." in text
    assert "Worlds solved over the generations" in text
    assert 'id="episodes"' in text
    # after that nothing was recorded, which had to be judged first
    assert max(killed.generation_numbers) <= last
