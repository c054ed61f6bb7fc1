"""What a study found: one table of its runs, a summary of its arms, and a figure.

Intervals are of the mean over seeds, by Efron's bootstrap (1979, https://doi.org/10.1214/aos/1176344552), and every
seed's value stands beside them: of few seeds a bootstrap is too narrow, so that Student's t is there as well.
Differences to the first arm are paired by seed, as equal seeds mean equal founders. Only what evolution/ wrote is read.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.drawing import (
    BLUE,
    DPI,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    VERMILION,
    Colour,
    draw_final,
    dress,
    house_style,
    label_ends,
    png,
    two_places,
)
from analysis.run import Run, load_run
from evolution.arms import ARMS, TOLERANCE, StudyConfig
from evolution.records import GENERATIONS, read_records
from evolution.storage import write_bytes, write_table
from evolution.study import is_finished, planned_runs, read_study
from language.intervals import bootstrap_mean_interval, mean_interval

TABLE = pa.schema([("arm", pa.string()), ("seed", pa.int64()), ("measure", pa.string()), ("value", pa.float64())])
SUMMARY = (
    "arm", "compared_to", "measure", "mean", "low", "high", "student_low", "student_high", "num_seeds", "values",
)  # fmt: skip
ARM_COLOURS = dict(zip(ARMS, (BLUE, GREEN, ORANGE, PURPLE, VERMILION), strict=True))
_MOST_POINTS = 60  # of a curve; of more generations as many means are drawn
# what is drawn of the last populations, as far as the scenario has it
_FINAL = (
    ("success_held_out", "held-out goals"),
    ("strangers", "strangers"),
)


@dataclass(frozen=True)
class Study:
    """A study, read back from its folder, as far as it has come."""

    folder: Path
    config: StudyConfig
    plan: dict[str, dict[str, Any]]  # by arm: generations, intervals, costs
    table: pd.DataFrame  # one row an arm, seed and measure
    runs: dict[tuple[str, int], Run]  # the finished ones, by arm and seed

    @property
    def measures(self) -> list[str]:
        return list(dict.fromkeys(self.table["measure"]))

    def values(self, arm: str, measure: str) -> pd.Series:
        """A measure of every finished run of an arm, by seed."""
        rows = self.table[(self.table["arm"] == arm) & (self.table["measure"] == measure)]
        return rows.set_index("seed")["value"]


def load_study(folder: str | Path) -> Study:
    """Read the study in `folder`; ValueError when it is none."""
    folder = Path(folder)
    config, plan = read_study(folder)
    rows, runs = [], {}
    for arm, options in planned_runs(folder):
        if not is_finished(options):
            continue
        out = Path(str(options.out))
        run = runs[arm, options.seed] = load_run(out)
        for row in read_records(out / "final.parquet", GENERATIONS).to_pylist():
            rows.append((arm, options.seed, row["name"], row["value"]))
        rows.append((arm, options.seed, "cpu_seconds", float(cpu_seconds(run).iloc[-1])))
        rows.append((arm, options.seed, "generations", float(options.generations or 0)))
    table = pd.DataFrame(rows, columns=TABLE.names).astype({"seed": "int64", "value": "float64"})
    order = {arm: i for i, arm in enumerate(config.arms)}
    table = table.sort_values("arm", key=lambda column: column.map(order), kind="stable").reset_index(drop=True)
    return Study(folder, config, plan, table, runs)


def cpu_seconds(run: Run) -> pd.Series:
    """CPU seconds spent until the beginning of each generation, the founder's childhood included, indexed by it."""
    spent = run.timing[run.timing["name"] == "cpu_seconds"].set_index("generation")["value"].cumsum()
    spent.index = spent.index + 1
    return spent if 0 in spent.index else pd.concat([pd.Series({0: 0.0}), spent])


def summarise(study: Study) -> pd.DataFrame:
    """Every measure of every arm, and its difference to the first arm, with the columns of SUMMARY.

    `low` and `high` bound the 95 % bootstrap interval of the mean over seeds, `student_low` and `student_high` that of
    Student's t; undefined for a single seed. Differences are of the seeds that both arms have finished.
    """
    rows = []
    first = study.config.arms[0]
    for other in ("", first):
        for arm in study.config.arms:
            if arm == other:
                continue
            for measure in study.measures:
                values = study.values(arm, measure)
                if other:
                    values = (values - study.values(other, measure)).dropna()
                if len(values):
                    told = " ".join(f"{seed}:{value:.6g}" for seed, value in values.items())
                    intervals = (*bootstrap_mean_interval(values.to_numpy()), *mean_interval(values.to_numpy()))
                    rows.append((arm, other, measure, float(values.mean()), *intervals, len(values), told))
    return pd.DataFrame(rows, columns=list(SUMMARY))


def off_budget(study: Study) -> list[str]:
    """A sentence for each arm whose runs spent another number of CPU seconds than they were given."""
    budget, told = study.config.cpu_seconds, []
    for arm in study.config.arms:
        spent = study.values(arm, "cpu_seconds")
        if budget and len(spent) and abs(spent.mean() / budget - 1) > TOLERANCE:
            more = "more" if spent.mean() > budget else "less"
            told.append(
                f"{arm} spent {spent.mean():.1f} CPU seconds a run, {abs(spent.mean() / budget - 1):.0%} {more} than "
                f"the {budget:g} that every arm was given"
            )
    return told


def write_study(study: Study) -> tuple[pd.DataFrame, list[Path]]:
    """Write table.parquet, table.csv, summary.csv and study.png into the study's folder; the summary and the paths."""
    summary = summarise(study)
    write_table(study.folder / "table.parquet", pa.Table.from_pandas(study.table, TABLE, preserve_index=False))
    paths = [study.folder / "table.parquet"]
    for name, table in (("table", study.table), ("summary", summary)):
        text = io.StringIO()
        table.to_csv(text, index=False, lineterminator="\n")
        paths.append(study.folder / f"{name}.csv")
        write_bytes(paths[-1], text.getvalue().encode())
    paths.append(study.folder / "study.png")
    with house_style():
        write_bytes(paths[-1], png(plot_study(study)))
    return summary, paths


# ---- the figure ----


def plot_study(study: Study) -> Figure:
    """Success against CPU seconds, and beside it what the last populations are worth."""
    final = [(name, label) for name, label in _FINAL if name in study.measures] or [("success", "trained")]
    num_arms = len(study.config.arms)
    figure = Figure(figsize=(7.2 + 2.9 * len(final), max(4.2, 1.6 + 0.55 * num_arms)), dpi=DPI, layout="constrained")
    left, *right = figure.subplots(1, 1 + len(final), width_ratios=[5.4] + [2.6] * len(final))
    plot_curves(study, left)
    for ax, (name, label) in zip(right, final, strict=True):
        plot_final(study, name, label, ax)
        if ax is not right[0]:
            ax.set_yticklabels([])
    has_chance = _mark_chance(study, [left.axhline, *(ax.axvline for ax in right)])
    seeds = f"{study.config.seeds} seeds" if study.config.seeds > 1 else "one seed"
    figure.supxlabel(
        f"{seeds}: thin lines and dots are single runs, thick lines and upright bars their means, level bars 95 % "
        f"bootstrap intervals of the mean{'; dotted: best without talk' if has_chance else ''}",
        fontsize=8.5, color=GREY,
    )  # fmt: skip
    return figure


def plot_curves(study: Study, ax: Axes) -> None:
    """Success in training against CPU seconds: every seed thin, the mean of an arm thick."""
    ends: list[tuple[str, float, Colour]] = []
    for arm in study.config.arms:
        curves = [_curve(run) for (of, _), run in study.runs.items() if of == arm]
        colour = ARM_COLOURS[arm]
        for seconds, success in curves:
            ax.plot(seconds, success, color=colour, linewidth=0.7, alpha=0.45, zorder=2)
        if curves:
            grid, mean = _mean_curve(curves)
            ax.plot(grid, mean, color=colour, linewidth=2.4, zorder=3, solid_capstyle="round")
            ends.append((f"{arm} {two_places(float(mean[-1]))}", float(mean[-1]), colour))
    dress(ax, f"{study.config.run.scenario}: success on trained goals", "worlds solved (share)", "CPU seconds of a run")
    ax.set_ylim(-0.02, 1.02)  # what is never or always solved is to be seen
    ax.set_xlim(left=0.0)
    label_ends(ax, ends)


def plot_final(study: Study, measure: str, label: str, ax: Axes) -> None:
    """A measure of the last populations: every seed a dot, the mean a bar with its interval, an arm a row."""
    arms = study.config.arms
    values = [study.values(arm, measure).to_numpy() for arm in arms]
    draw_final(ax, arms, values, [ARM_COLOURS[arm] for arm in arms], bootstrap_mean_interval)
    dress(ax, label, "", "worlds solved (share)")
    ax.grid(False, axis="y")


def _mark_chance(study: Study, draw_lines: Sequence[Callable[..., Any]]) -> bool:
    """Dotted lines at what is possible without talk; False where nobody talks."""
    known = [run.generations["chance"].dropna() for run in study.runs.values() if "chance" in run.generations]
    for draw_line in draw_lines if known else ():
        draw_line(float(known[0].iloc[-1]), color=GREY, linestyle=":", linewidth=1.4, zorder=1.5)
    return bool(known)


def _curve(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """CPU seconds and success of a run's generations, (N,) each; of very many the means of neighbours."""
    success = run.generations["success"].dropna()
    success = success[success.index >= 0]
    spent = cpu_seconds(run)
    seconds = spent.reindex(success.index).to_numpy()
    parts = np.array_split(np.arange(len(success)), min(_MOST_POINTS, len(success)))
    values = success.to_numpy()
    return np.array([seconds[part].mean() for part in parts]), np.array([values[part].mean() for part in parts])


def _mean_curve(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The mean of several curves, where all of them are."""
    low, high = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = np.linspace(low, high, _MOST_POINTS)
    return grid, np.mean([np.interp(grid, x, y) for x, y in curves], axis=0)
