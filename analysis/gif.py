"""Episodes as an animated GIF: the world, and beside it who says, does and believes what."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from analysis.story import Frame, Story, tell
from evolution.storage import write_bytes
from world import render

_WORLD_PIXELS = 400  # the longer side of the world, about
_PANEL_PIXELS = 400
_MARGIN_PIXELS = 20
_INK, _DIM, _PAPER, _LINE = "#1a1a1a", "#666e78", "#ffffff", "#d5dae0"
_GOOD, _BAD, _ACCENT = "#007a58", "#b84500", "#0072B2"


def to_gif(
    path: str | Path, episodes: Sequence[dict], steps_per_second: float = 2.0, hold_seconds: float = 3.0
) -> Path:
    """Write recorded episodes, one after the other, as a GIF that repeats; the end of each stands a while.

    One frame a step, and one for the start of each episode.
    """
    if not episodes:
        raise ValueError("a GIF needs at least one episode, got none")
    if steps_per_second <= 0:
        raise ValueError(f"steps_per_second must be above 0, got {steps_per_second}")
    stories = [tell(row) for row in episodes]
    size = _size(stories)
    images, milliseconds = [], []
    for story in stories:
        for frame in story.frames:
            images.append(draw_frame(story, frame, size))
            milliseconds.append(round(1000 / steps_per_second))
        milliseconds[-1] = round(1000 * hold_seconds)
    file = io.BytesIO()
    # median cut would merge the rare colours (ticks, crosses) into the frequent ones; the octree keeps them
    paletted = [image.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) for image in images]
    paletted[0].save(file, "GIF", save_all=True, append_images=paletted[1:], duration=milliseconds, loop=0, disposal=1)
    path = Path(path)
    write_bytes(path, file.getvalue())
    return path


def draw_frame(story: Story, frame: Frame, size: tuple[int, int]) -> Image.Image:
    """One step as an RGB image of `size` pixels."""
    image = Image.new("RGB", size, _PAPER)
    cell = _cell_pixels(story)
    world = Image.fromarray(render.draw(frame.scene, cell))
    letters = ImageDraw.Draw(world)
    for row, col, letter in frame.marks:
        at = ((col + 0.5) * cell, (row + 0.74) * cell)  # below the eyes
        letters.text(at, letter, _INK, _font(max(7, round(cell * 0.38)), "Bold"), anchor="mm")
    image.paste(world, (_MARGIN_PIXELS, _MARGIN_PIXELS))
    _draw_panel(ImageDraw.Draw(image), story, frame, world.width + 2 * _MARGIN_PIXELS)
    return image


def _cell_pixels(story: Story) -> int:
    return max(8, _WORLD_PIXELS // max(story.frames[0].scene.look.shape))


def _size(stories: list[Story]) -> tuple[int, int]:
    """Width and height of an image that holds every frame of every story."""
    width = height = 0
    for story in stories:
        rows, cols = story.frames[0].scene.look.shape
        cell = _cell_pixels(story)
        width = max(width, cols * cell + _PANEL_PIXELS + 3 * _MARGIN_PIXELS)
        blank = ImageDraw.Draw(Image.new("RGB", (1, 1)))  # drawing beyond an image only measures
        panel = max(_draw_panel(blank, story, frame, 0) for frame in story.frames)
        height = max(height, rows * cell + 2 * _MARGIN_PIXELS, panel + _MARGIN_PIXELS)
    return width, height


def _draw_panel(draw: ImageDraw.ImageDraw, story: Story, frame: Frame, left: int) -> int:
    """Write the words from `left` on; returns the height that they take, the outcome included, in pixels."""
    right = left + _PANEL_PIXELS
    y: float = _MARGIN_PIXELS
    y = _write(draw, (left, y), story.title, _font(18, "Bold"), _INK, right) + 2
    y = _write(draw, (left, y), story.circumstances, _font(13), _DIM, right) + 10
    draw.text((left, y + 2), "goal", _DIM, _font(13))
    y = _write(draw, (left + 52, y), story.goal, _font(16, "Bold"), _ACCENT, right) + 8
    last = len(story.frames) - 1
    draw.text((left, y), f"step {frame.step} of {last}", _INK, _font(13))
    bar = left + 110
    draw.line((bar, y + 9, right, y + 9), _LINE, 5)
    if frame.step:
        draw.line((bar, y + 9, bar + (right - bar) * frame.step / max(last, 1), y + 9), _ACCENT, 5)
    y += 30
    for i, (letter, who) in enumerate(story.agents):
        draw.rounded_rectangle((left, y, left + 24, y + 24), 5, _INK)
        draw.text((left + 12, y + 12), letter, _PAPER, _font(14, "Bold"), anchor="mm")
        draw.text((left + 34, y + 3), who, _DIM, _font(14))
        turn = frame.turns[i] if frame.turns else None
        does = turn.does if turn else ""
        draw.text((right, y + 3), does, _INK, _font(14), anchor="ra")
        y += 27
        if story.talks:
            said = f"“{turn.says}”" if turn and turn.says else "–"
            draw.text((left + 34, y + 2), "says", _DIM, _font(13))
            y = _write(draw, (left + 100, y), said, _font(15, "Bold"), _ACCENT, right)
        if not _knows(story, i):
            draw.text((left + 34, y + 2), "believes", _DIM, _font(13))
            y = _write_beliefs(draw, (left + 100, y), turn.believes if turn else (), right)
        y += 9
    if frame.step == last:
        colour = _GOOD if story.is_won else _BAD
        draw.rounded_rectangle((left, y, right, y + 34), 6, colour)
        mark = "✓" if story.is_won else "✗"
        draw.text((left + 14, y + 17), f"{mark}  {story.outcome}", _PAPER, _font(16, "Bold"), anchor="lm")
    return round(y + 34)


def _knows(story: Story, agent: int) -> bool:
    """Whether the agent never believes, because it knows."""
    return not any(frame.turns[agent].believes for frame in story.frames[1:])


def _write_beliefs(draw: ImageDraw.ImageDraw, at: tuple[float, float], believes: tuple, right: float) -> float:
    """Attribute values with ticks and crosses, wrapped; returns the y below them."""
    font = _font(14)
    x, y = at
    for belief in believes:
        mark, colour = ("✓", _GOOD) if belief.is_right else ("✗", _BAD)
        words = f"{belief.attribute} {belief.value}"
        width = font.getlength(words) + 24
        if x > at[0] and x + width > right:
            x, y = at[0], y + 20
        draw.text((x, y), words, _INK, font)
        draw.text((x + font.getlength(words) + 4, y), mark, colour, _font(14, "Bold"))
        x += width + 6
    if not believes:
        draw.text(at, "–", _DIM, font)
    return y + 20


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: str,
    right: float,
) -> float:
    """Write words, wrapped at `right`; returns the y below the last line."""
    x, y = at
    line_height = font.size * 1.3
    line = ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and x + font.getlength(longer) > right:
            draw.text((x, y), line, colour, font)
            y += line_height
            line = word
        else:
            line = longer
    draw.text((x, y), line, colour, font)
    return y + line_height


@cache
def _font(pixels: int, weight: str = "") -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib."""
    name = f"DejaVuSans-{weight}.ttf" if weight else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)), pixels)
