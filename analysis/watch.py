"""Following a run in the terminal while another process writes it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from analysis.report import duration, measured
from analysis.run import Run, load_run
from evolution.storage import is_locked
from language.vocabulary import lexicon_of
from world import scenarios

_BLOCKS = "▁▂▃▄▅▆▇█"
_CURVE_WIDTH = 40  # characters
_NUM_WORDS, _NUM_BIRTHS = 8, 4
_ROWS = (  # measure, label, format, from and to where the curve has a scale of its own
    ("fitness_mean", "mean fitness", ".2f", None),
    ("success", "success", ".0%", (0.0, 1.0)),
    ("success_held_out", "held-out goals", ".0%", (0.0, 1.0)),
    ("success_muted", "muted", ".0%", (0.0, 1.0)),
    ("understanding", "understanding", ".0%", (0.0, 1.0)),
    ("symbols_in_use", "symbols in use", ".1f", None),
    ("topographic_similarity", "topographic similarity", ".2f", (0.0, 1.0)),
    ("agreement", "agreement", ".0%", (0.0, 1.0)),
)


def watch(
    folder: str | Path,
    every_seconds: float = 1.0,
    console: Console | None = None,
    is_once: bool = False,
    on_change: Callable[[Run], None] | None = None,
) -> Run:
    """Show how a run goes until it ends; returns it as it was read last.

    In a terminal one picture that changes; elsewhere a line for every generation that is new. A run that another
    process has only just begun is waited for. `on_change` is given the run whenever there is something new of it.
    ValueError for a folder that holds no run.
    """
    if every_seconds <= 0:
        raise ValueError(f"every_seconds must be above 0, got {every_seconds}")
    console = console or Console()
    run, is_running = _await(folder, every_seconds, console, is_once)
    if is_once:
        console.print(picture_of(run))
        if on_change is not None:
            on_change(run)
        return run
    told = -1

    def tell(live: Live | None) -> None:
        nonlocal told
        last = run.state.last_generation
        if live is not None:
            live.update(picture_of(run), refresh=True)
        else:
            for generation in range(told + 1, last + 1):
                console.print(Text(line_of(run, generation)), soft_wrap=True)
        if on_change is not None and last > told:
            on_change(run)
        told = last

    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with live if live is not None else _nothing():
        stamp = _stamp(folder)
        tell(live)
        while is_running:
            time.sleep(every_seconds)
            is_running = is_locked(folder)  # before its files are read: what is written until it ends is read too
            if (now := _stamp(folder)) != stamp or not is_running:
                stamp, run = now, load_run(folder)
                tell(live)
    return run


def picture_of(run: Run) -> RenderableType:
    """How far a run is, what became of its measures, the newest words, clans and births."""
    state = run.state
    done = state.last_generation / max(state.num_generations, 1)
    head = Table.grid(padding=(0, 1))
    head.add_row(
        Text(f"{run.config.get('scenario', '')}  {run.folder}", "bold"),
    )
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(1.0, min(done, 1.0), width=24), Text(_progress_told(run)))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "at first", "now", f"generations {_span(run)}"):
        table.add_column(name, justify="right" if name in ("at first", "now") else "left")
    for measure, label, form, scale in _ROWS:
        first, last = measured(run, measure, is_first=True), measured(run, measure)
        if first is not None and last is not None:
            values = run.generations[measure].dropna()
            table.add_row(label, format(first.value, form), format(last.value, form), curve(values, scale))
    parts: list[RenderableType] = [head, bar, Text(), table]
    words = words_told(run)
    if words:
        parts += [Text(), Text.assemble(("words  ", "dim"), words)]
    parts.append(Text.assemble(("clans  ", "dim"), _clans_told(run)))
    births = _births_told(run)
    if births:
        parts.append(Text.assemble(("births ", "dim"), births))
    return Group(*parts)


def line_of(run: Run, generation: int) -> str:
    """One generation in a line."""
    told = [f"generation {generation}/{run.state.num_generations}"]
    for measure, label in (("fitness_mean", "fitness"), ("success", "success"), ("understanding", "understanding")):
        known = run.generations[measure].dropna() if measure in run.generations else pd.Series(dtype=float)
        if generation in known.index:
            told.append(f"{label} {known[generation]:.2f}")
    born = run.boxlings[(run.boxlings["birth_generation"] == generation) & (run.boxlings["generation"] == generation)]
    if generation and len(born):
        told.append(f"{len(born)} born")
    return "  ".join(told)


def curve(values: pd.Series, scale: tuple[float, float] | None = None) -> str:
    """Values as blocks, of many as many means of neighbours as there is room for; nothing for none.

    >>> curve(pd.Series([0.0, 0.5, 1.0]), (0.0, 1.0))
    '▁▅█'
    >>> curve(pd.Series([2.0, 2.0]))
    '▁▁'
    """
    if not len(values):
        return ""
    parts = np.array_split(values.to_numpy(), min(len(values), _CURVE_WIDTH))
    means = np.array([part.mean() for part in parts])
    low, high = scale or (means.min(), means.max())
    share = np.clip((means - low) / (high - low), 0.0, 1.0) if high > low else np.zeros(len(means))
    return "".join(_BLOCKS[place] for place in np.rint(share * (len(_BLOCKS) - 1)).astype(int))


def words_told(run: Run) -> str:
    """The commonest words of the fittest speaker of the newest recorded generation, and what they mean."""
    if not run.language_generations:
        return ""
    language = run.language()
    attributes = scenarios.get(str(run.config["scenario"])).attributes
    rows = lexicon_of(language.meanings, language.of(run.fittest(language)), attributes)
    counts = Counter({(row["position"], row["symbol"]): row["count"] for row in rows if row["symbol"]})
    meant = {(row["position"], row["symbol"]): row for row in rows}
    told = [
        f"{row['name']}{row['position'] + 1} {row['value']}"
        for key, _ in counts.most_common(_NUM_WORDS)
        if (row := meant[key])
    ]
    return ", ".join(told)


# ---- parts ----


class _nothing:  # noqa: N801 - a context that does nothing, as a Live without a terminal would
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def _await(folder: str | Path, every_seconds: float, console: Console, is_once: bool) -> tuple[Run, bool]:
    """The run as it is, as soon as its first tables are there, and whether it goes on."""
    is_told = False
    while True:
        is_running = is_locked(folder)
        try:
            run = load_run(folder)
        except ValueError:
            if not is_running or is_once:
                raise
            if not is_told:
                text = Text(f"{folder} has begun; its first generation is not over yet", "dim")
                console.print(text, soft_wrap=True)
                is_told = True
            time.sleep(every_seconds)
        else:
            return run, is_running


def _stamp(folder: str | Path) -> tuple[int, int]:
    """What changes when the tables do."""
    try:
        found = Path(folder, "generations.parquet").stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)


def _span(run: Run) -> str:
    known = run.generations.index
    return f"{known[0]} to {known[-1]}".replace("-", "−") if len(known) else ""


def _progress_told(run: Run) -> str:
    state = run.state
    told = f"generation {state.last_generation} of {state.num_generations}"
    seconds = run.timing[run.timing["name"] == "wall_seconds"].set_index("generation")["value"]
    lived = seconds[seconds.index >= 0]
    if state.is_finished:
        return f"{told}, finished"
    if not state.is_running:
        return f"{told}, stopped: `boxlings resume {run.folder}` goes on"
    left = state.num_generations - state.last_generation
    return told + (f", about {duration(left * float(lived.tail(10).mean()))} left" if len(lived) else "")


def _clans_told(run: Run) -> str:
    last = run.boxlings[run.boxlings["generation"] == run.boxlings["generation"].max()]
    founder = dict(zip(run.lineage.boxlings.tolist(), run.lineage.clans().tolist(), strict=True))
    sizes = Counter(founder[each] for each in last["boxling"].tolist())
    (largest, number), *_ = sizes.most_common(1)
    return f"{len(sizes)} alive, the largest that of boxling {largest} with {number / len(last):.0%}"


def _births_told(run: Run) -> str:
    births = run.boxlings.drop_duplicates("boxling")
    newest = births[births["birth_generation"] > 0].tail(_NUM_BIRTHS)
    return "; ".join(
        f"{row.boxling}, {row.origin}" + (f" of {row.mother}" if row.mother >= 0 else "")
        for row in newest.itertuples(index=False)
    )
