"""Watch a society live, in a browser: Mesa's SolaraViz page, with controls, curves, a recorded world and its words.

    solara run examples/watch_with_solara.py

Mesa's pages: Kazil, Masad and Crooks 2020, https://mesa.readthedocs.io; they stand on Solara, https://solara.dev:
`pip install 'boxlings[viz]'`. A step is a generation. Options take hold with Reset. It needs no network.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import solara
from matplotlib.figure import Figure
from mesa.visualization import SolaraViz
from PIL import Image

from analysis.drawing import BLUE, GREEN, GREY, ORANGE, draw_measure, dress, house_style, label_ends, span_generations
from analysis.story import tell
from boxlings import Society
from world.render import draw

CURVES = {
    "Fitness": ("mean reward of a world", {"fitness_best": ("best", ORANGE), "fitness_mean": ("mean", BLUE)}),
    "Success": (
        "share of worlds solved",
        {"success": ("talking", BLUE), "success_muted": ("muted", GREY), "success_held_out": ("held-out goals", GREEN)},
    ),
}
CELL_PIXELS = 32


OPTIONS: dict[str, Any] = {
    "strategy": {
        "type": "Select", "label": "Who makes place for whom", "value": "truncation",
        "values": ["truncation", "tournament", "age", "random", "none"],
    },
    "population": {"type": "Select", "label": "Boxlings", "value": 4, "values": [2, 4, 6, 8]},
    "seed": {"type": "Select", "label": "Seed", "value": 1, "values": list(range(10))},
    "scenario": "guide", "generations": 30, "live_worlds": 8, "measure_every": 1, "record_every": 1,
    "recorded_episodes": 1, "founder_rounds": 100, "language_rounds": 4, "acting_rounds": 1, "acting_worlds": 4,
    "threads": 1,
}  # fmt: skip


def curves(title: str) -> Any:
    """A component that draws some measures over the generations lived so far."""
    y_label, lines = CURVES[title]

    def Curves(model: Society) -> None:  # noqa: N802 - components have names like classes
        table = model.datacollector.get_model_vars_dataframe().set_index("generation")
        with house_style():
            figure = Figure(figsize=(5.6, 3.2), layout="constrained")
            ax = figure.subplots()
            dress(ax, title, y_label)
            drawn = [draw_measure(ax, table, name, label, colour) for name, (label, colour) in lines.items()]
            if "share" in y_label:
                ax.set_ylim(-0.03, 1.03)
            span_generations([ax], table)
            label_ends(ax, [end for ends in drawn for end in ends])
            solara.FigureMatplotlib(figure, format="png")

    return Curves


def LastWorld(model: Society) -> None:  # noqa: N802
    """A recorded world of the last generation, step by step, with what was said in it."""
    wanted, go_to = solara.use_state(1)  # the first at which somebody has spoken
    with solara.Card("A world of the last generation", margin=0):
        if not model.episode_rows:
            solara.Text("Nothing has been recorded yet: press Step.")
            return
        story = tell(model.episode_rows[0])
        step = min(wanted, story.num_steps)
        frame = story.frames[step]
        solara.Text(f"Generation {story.generation}, goal: {story.goal}, {story.outcome}")
        solara.SliderInt("Step of the episode", value=step, min=0, max=story.num_steps, on_value=go_to)
        with solara.Row():
            solara.Image(as_png(draw(frame.scene, CELL_PIXELS)), classes=["world"])
            with solara.Column(gap="4px"):
                for (letter, who), turn in zip(story.agents, frame.turns or (None,) * len(story.agents), strict=True):
                    solara.Text(f"{letter} ({who}): {turn.says or 'silent' if turn else 'has not spoken yet'}")


def as_png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="png")
    return file.getvalue()


def Words(model: Society) -> None:  # noqa: N802
    """How many symbols are in use, and what those of the fittest mean most often."""
    with solara.Card("Symbols in use", margin=0):
        if "symbols_in_use" not in model.measures:
            solara.Text("Nobody has been heard yet: press Step.")
            return
        solara.Text(f"{model.measures['symbols_in_use']:.1f} symbols in use, of {model.policy.spec.num_symbols}")
        solara.DataFrame(pd.DataFrame(model.lexicon), items_per_page=5)


model = solara.reactive(
    Society(**{name: each["value"] if isinstance(each, dict) else each for name, each in OPTIONS.items()})
)
page = SolaraViz(
    model,
    components=[curves("Fitness"), curves("Success"), LastWorld, Words],
    model_params=OPTIONS,
    name="Boxlings",
)
