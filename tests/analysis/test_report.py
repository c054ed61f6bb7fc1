"""The report page."""

import base64
import html
import io
import re
from dataclasses import replace

import pandas as pd
from PIL import Image

from analysis.figures import plot_fitness, plot_lineage
from analysis.report import summary_sentences, write_report
from analysis.run import Run, load_run


def test_a_report_holds_numbers_figures_words_options_and_replays(run: Run) -> None:
    path = write_report(run)
    assert path == run.folder / "report.html"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 5_000_000
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert len(pictures) == 4
    for picture in pictures:
        with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
            assert image.format == "PNG"
    assert "<title>boxlings: night run</title>" in text
    assert "<b>90%</b><span>success, trained goals</span>" in text
    assert "<b>5%</b><span>success when muted</span>" in text
    assert "place 1: colour" in text
    assert "place 2: direction" in text
    assert '<td class="word">be</td><td class="text">red ' in text.replace("\n", "")
    assert "<code>evolution.num_boxlings</code>" in text
    assert 'id="episodes"' in text
    assert "Generation 8: 4 recorded episodes, 2 of them won." in text


def test_a_report_on_a_language_shows_its_words(talking_run: Run) -> None:
    text = write_report(talking_run).read_text(encoding="utf-8").replace("\n", "")
    assert text.count('src="data:image/png') == 8
    assert len(text) < 5_000_000
    for told in ("What the fittest boxling's words mean", "From when to when each word was in use"):
        assert html.escape(told) in text
    assert '<td class="word">babe</td><td class="text">colour blue <span class=\'dim\'>100%</span>' in text
    assert text.count(">babe<") == 1  # it stands in a table of its own, not among the symbols


def test_recorded_text_is_escaped_and_nothing_is_fetched(run: Run, hostile: str) -> None:
    text = write_report(run).read_text(encoding="utf-8")
    assert hostile not in text
    assert text.count(html.escape(hostile)) == 2  # an option and a word's meaning
    assert text.count("<script") == 2
    assert not re.search(r'(src|href)="(?!data:)|https?:|@import|url\(', text)


def test_the_summary_says_what_was_measured_and_when(run: Run) -> None:
    told = " ".join(summary_sentences(run))
    assert "6 boxlings at a time lived through 11 generations of the scenario guide" in told
    assert "In generation 11 they solved 90% of the worlds they were given (chance: 8%)." in told
    assert "in generation 8: 5% with the channel muted, 8% with shuffled words, 44% on goals never" in told
    assert "11 boxlings were born on the way; 5 of 7 clans live on" in told
    assert "The run took 24 s and 120,000 agent-steps." in told
    bare = replace(run, generations=run.generations[["fitness_mean"]])
    assert "solved" not in " ".join(summary_sentences(bare))


def test_a_run_without_checkpoints_and_episodes_has_a_report(run: Run) -> None:
    for path in [*run.folder.glob("checkpoints/*/*"), *run.folder.glob("episodes/*")]:
        path.unlink()
    text = write_report(load_run(run.folder)).read_text(encoding="utf-8")
    assert "No episodes were recorded." in text
    assert "Lexicon" not in text


def test_the_founders_childhood_is_no_generation_and_takes_no_room_where_nothing_was_measured(run: Run) -> None:
    table = run.generations
    childhood = pd.DataFrame({"symbols_in_use": [2.0, 3.0]}, index=pd.Index([-2, -1], name=table.index.name))
    grown = replace(run, generations=pd.concat([childhood, table]))
    assert "lived through 11 generations" in " ".join(summary_sentences(grown))
    assert plot_fitness(grown).get_xlim() == plot_lineage(grown).get_xlim() == (0.0, 11.0)
