"""Pages of the site that are made of the code: of scenarios, measures, options and commands. A hook of mkdocs.

What is written once, in a docstring, a comment or the registry, is read from there.
"""

from __future__ import annotations

import argparse
import inspect
import io
import re
import sys
import textwrap
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402
from PIL import Image  # noqa: E402

import boxlings  # noqa: E402
from analysis.catalogue import CATALOGUE, Entry  # noqa: E402
from language import measures  # noqa: E402
from world import scenarios  # noqa: E402
from world.render import picture  # noqa: E402
from world.splits import COMPOSITIONS, TRAIN  # noqa: E402


def on_config(config: Any) -> Any:
    """Every scenario has its place in the navigation."""
    pages = [{name: f"scenarios/{name}.md"} for name in scenarios.names()]
    config.nav = [{"Scenarios": ["scenarios/index.md", *pages]} if "Scenarios" in item else item for item in config.nav]
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages and pictures."""
    for address, content in generated().items():
        files.append(File.generated(config, address, content=content))
    return files


def generated() -> dict[str, str | bytes]:
    """All of them, by address."""
    return {
        **_scenario_pages(),
        **_measure_pages(),
        "reference/options.md": _options_page(),
        "reference/commands.md": _commands_page(),
    }


# ---- scenarios ----


def _scenario_pages() -> dict[str, str | bytes]:
    pages: dict[str, str | bytes] = {}
    rows = ["| scenario | agents | steps | chance | |", "|---|---|---|---|---|"]
    for name in scenarios.names():
        scenario = scenarios.get(name)
        chance = scenario.chance_success()
        told = "–" if np.isnan(chance) else f"{chance:.3f}"
        cells = (f"[{name}]({name}.md)", scenario.num_agents, scenario.num_steps, told, scenario.summary)
        rows.append(f"| {' | '.join(map(str, cells))} |")
        pages[f"scenarios/{name}.png"] = _picture(scenario)
        pages[f"scenarios/{name}.md"] = _scenario_page(scenario, told)
    intro = (
        "# Scenarios\n\nA scenario is a family of worlds, numbered for ever, with goals, and a rule of who knows and "
        "sees what. `boxlings scenarios` shows them in the terminal.\n\n"
    )
    pages["scenarios/index.md"] = intro + "\n".join(rows) + "\n"
    return pages


def _picture(scenario: Any) -> bytes:
    """Three of its worlds, as they begin."""
    worlds = scenario.generate(np.arange(3), TRAIN)
    gap, shown = 16, []
    for b in range(3):
        drawn = picture(worlds, b, max(6, 240 // max(worlds.look.shape[1:])))
        shown.append(np.pad(drawn, ((0, 0), (0, gap if b < 2 else 0), (0, 0)), constant_values=128))
    pixels = np.concatenate(shown, axis=1)
    alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
    width = (pixels.shape[1] - 2 * gap) // 3
    for b in (0, 1):  # see-through between the worlds, for light and dark pages
        alpha[:, (b + 1) * width + b * gap : (b + 1) * (width + gap)] = 0
    file = io.BytesIO()
    Image.fromarray(np.concatenate([pixels, alpha], axis=2)).save(file, "PNG")
    return file.getvalue()


def _scenario_page(scenario: Any, chance: str) -> str:
    module = inspect.getmodule(type(scenario))
    doc = inspect.cleandoc(module.__doc__ or "")
    goals = {split: len(scenario.meanings(split)) for split in (TRAIN, COMPOSITIONS) if split in scenario.splits}
    facts = [
        ("agents", scenario.num_agents),
        ("steps at most", scenario.num_steps),
        ("goals to train on", goals.get(TRAIN, "–")),
        ("goals held out", goals.get(COMPOSITIONS, "–")),
        ("splits", ", ".join(f"`{split}`" for split in scenario.splits)),
        ("success of the best policy without talk", chance),
        ("variants", ", ".join(f"`{variant}`" for variant in scenario.variants) or "–"),
        ("view", f"{scenario.view_shape[0]} x {scenario.view_shape[1]} cells"),
    ]
    lines = [
        f"# {scenario.name}", "", scenario.summary[0].upper() + scenario.summary[1:] + ".", "",
        f"![Three worlds of {scenario.name}]({scenario.name}.png)", "",
        "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts), "",
    ]  # fmt: skip
    if scenario.attributes:
        lines += ["## Goals", "", "| attribute | values |", "|---|---|"]
        lines += [f"| {each.name} | {', '.join(map(str, each.values))} |" for each in scenario.attributes]
    source = f"{module.__name__.replace('.', '/')}.py"
    lines += ["", "## How it works", "", doc, "", f"Source: `{source}`. Run it: `boxlings run {scenario.name}`.", ""]
    return "\n".join(lines)


# ---- measures ----


def _measure_pages() -> dict[str, str | bytes]:
    pages: dict[str, str | bytes] = {}
    language = [name for name in measures.__all__ if inspect.isfunction(getattr(measures, name))]
    rows = ["| measure | |", "|---|---|"]
    for name in language:
        function = getattr(measures, name)
        first = " ".join(inspect.cleandoc(function.__doc__ or "").split("\n\n")[0].split())
        rows.append(f"| [{name}]({name}.md) | {_in_a_cell(first)} |")
        of_function = f"::: {function.__module__}.{name}\n    options:\n      show_root_heading: true\n"
        pages[f"measures/{name}.md"] = f"# {name.replace('_', ' ')}\n\n{of_function}"
    recorded = ["| name | meaning | unit |", "|---|---|---|"]
    for pattern, entry in CATALOGUE.items():
        title = _readable(pattern)
        address = f"recorded-{re.sub(r'[^a-z]+', '-', title.lower()).strip('-')}"
        recorded.append(f"| [{title}]({address}.md) | {_in_a_cell(entry.meaning)} | {entry.unit} |")
        pages[f"measures/{address}.md"] = _recorded_page(title, entry)
    pages["measures/index.md"] = "\n".join(
        [
            "# Measures",
            "",
            "Every number that a run records, and every measure of a language, with its unit, its range, what chance "
            "gives, and when it is undefined.",
            "",
            "## Of a language",
            "",
            *rows,
            "",
            "## Recorded besides, generation by generation",
            "",
            *recorded,
            "",
        ]
    )
    return pages


def _in_a_cell(text: str) -> str:
    """Text as it can stand in a cell of a table.

    >>> _in_a_cell("H(meaning | word)")
    'H(meaning \\\\| word)'
    """
    return text.replace("|", "\\|")


def _readable(pattern: str) -> str:
    """
    >>> _readable(r"expert_use/\\w+/\\w+"), _readable("loss_(policy|value)")
    ('expert_use/…/…', 'loss_policy, loss_value')
    """
    if found := re.fullmatch(r"(\w+)\((.*)\)", pattern):
        return ", ".join(found[1] + end for end in found[2].split("|"))
    return pattern.replace(r"\w+", "…")


def _recorded_page(title: str, entry: Entry) -> str:
    facts = [("unit", entry.unit), ("range", entry.range), ("by chance", entry.chance), ("undefined", entry.undefined)]
    lines = [f"# {title}", "", entry.meaning, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in facts if value]
    if entry.function:
        lines += ["", f"It is [{entry.function}]({entry.function}.md), mean over speakers."]
    return "\n".join([*lines, "", "Recorded in `generations.parquet` or `timing.parquet`.", ""])


# ---- options and commands ----


def _options_page() -> str:
    lines = [
        "# Options of a run", "",
        "The fields of `RunConfig` and of its parts; on the command line `--with-hyphens`. Where no default is given, "
        "what suits the scenario is taken, and written into `config.toml`.", "",
        *_options_of(boxlings.RunConfig, "Run"),
    ]  # fmt: skip
    for part in (boxlings.ChannelConfig, boxlings.PolicyConfig, boxlings.SelectionConfig, boxlings.LearningConfig):
        lines += _options_of(part, part.__name__.removesuffix("Config"))
    return "\n".join(lines)


def _options_of(part: Any, title: str) -> list[str]:
    comments = boxlings._comments(part)
    lines = [
        f"## {title}",
        "",
        " ".join((inspect.getdoc(part) or "").split()),
        "",
        "| option | default | meaning |",
        "|---|---|---|",
    ]
    for field in fields(part):
        if is_dataclass(field.default_factory if callable(field.default_factory) else field.default):
            continue
        told = boxlings._default_in_words(field.name, field.default).removeprefix("default: ")
        meaning = _in_a_cell(comments.get(field.name, ""))
        lines.append(f"| `{field.name}` | {told or '–'} | {meaning} |")
    return [*lines, ""]


def _commands_page() -> str:
    """Usage and help of every command, as the command line prints them."""
    parser, commands = boxlings._parser()
    lines = ["# Commands", "", "`boxlings COMMAND --help` prints the same.", "", "```text", _help(parser), "```", ""]
    for name, command in commands.items():
        lines += [f"## boxlings {name}", "", "```text", _help(command), "```", ""]
    return "\n".join(lines)


def _help(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = _wide(parser.formatter_class)
    return textwrap.dedent(parser.format_help()).strip()


def _wide(kind: Any) -> Any:
    """The same formatter at one width, whatever the terminal."""
    return lambda prog: kind(prog, width=100, max_help_position=34)
