"""Episodes as moving pictures, GIF or MP4: the world, and beside it who says, does and believes what.

Or several episodes side by side, in a grid. No screen is needed.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from analysis.story import Frame, Story, tell
from evolution.storage import write_bytes
from world import render

MAX_IN_GRID = 16
_WORLD_PIXELS = 400  # the longer side of the world, about
_PANEL_PIXELS = 400
_MARGIN_PIXELS = 20
_TILE_PIXELS = 300  # the width of an episode in a grid
_TILE_WORLD_PIXELS = 272
_TILE_AGENTS = 4  # that have a line in a grid
_FRAMES_PER_SECOND = 10  # of a video, where steps are not faster: players do not like fewer
_INK, _DIM, _PAPER, _LINE = "#1a1a1a", "#666e78", "#ffffff", "#d5dae0"
_GOOD, _BAD, _ACCENT = "#007a58", "#b84500", "#0072B2"


@dataclass(frozen=True)
class Film:
    """Pictures of one size, and for how many seconds each is seen."""

    images: list[Image.Image]
    seconds: list[float]


def film(
    episodes: Sequence[dict],
    steps_per_second: float = 2.0,
    hold_seconds: float = 3.0,
    titles: Sequence[str] = (),
    in_grid: bool = False,
) -> Film:
    """Recorded episodes, one after the other or side by side; the end of each, or of all, stands a while.

    One picture a step, and one for each start. `titles` in place of generation and episode. A grid holds at most
    MAX_IN_GRID episodes, which begin together; those that end early show their end until all are over.
    """
    if not episodes:
        raise ValueError("a film needs at least one episode, got none")
    if steps_per_second <= 0:
        raise ValueError(f"steps_per_second must be above 0, got {steps_per_second}")
    if in_grid and len(episodes) > MAX_IN_GRID:
        raise ValueError(f"a grid holds at most {MAX_IN_GRID} episodes, got {len(episodes)}")
    stories = [tell(row) for row in episodes]
    named = list(zip(stories, titles or [story.title for story in stories], strict=True))
    images, seconds = [], []
    if in_grid:
        for step in range(max(len(story.frames) for story in stories)):
            images.append(_grid(named, step))
            seconds.append(1 / steps_per_second)
        seconds[-1] = hold_seconds
        return Film(images, seconds)
    size = _size(named)
    for story, title in named:
        for frame in story.frames:
            images.append(draw_frame(story, frame, size, title))
            seconds.append(1 / steps_per_second)
        seconds[-1] = hold_seconds
    return Film(images, seconds)


def to_gif(path: str | Path, shown: Film) -> Path:
    """Write a film as a GIF that repeats, whole or not at all."""
    file = io.BytesIO()
    # median cut would merge the rare colours (ticks, crosses) into the frequent ones; the octree keeps them
    paletted = [image.quantize(method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE) for image in shown.images]
    milliseconds = [round(1000 * seconds) for seconds in shown.seconds]
    paletted[0].save(file, "GIF", save_all=True, append_images=paletted[1:], duration=milliseconds, loop=0, disposal=1)
    path = Path(path)
    write_bytes(path, file.getvalue())
    return path


def to_mp4(path: str | Path, shown: Film) -> Path:
    """Write a film as H.264 video, whole or not at all; ValueError where PyAV, which carries the coder, is missing."""
    try:
        import av
    except ImportError:
        raise ValueError("video needs PyAV, which is not installed: pip install 'boxlings[video]'") from None
    rate = max(_FRAMES_PER_SECOND, round(1 / min(shown.seconds)))
    width, height = (side + side % 2 for side in shown.images[0].size)  # as its colours are halved
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = {"crf": "18", "preset": "veryfast", "threads": "1"}
        for image, seconds in zip(shown.images, shown.seconds, strict=True):
            even = Image.new("RGB", (width, height), _PAPER)
            even.paste(image)
            for _ in range(max(1, round(seconds * rate))):
                container.mux(video.encode(av.VideoFrame.from_image(even)))
        container.mux(video.encode())
    path = Path(path)
    write_bytes(path, file.getvalue())
    return path


# ---- several episodes ----


def _grid(named: Sequence[tuple[Story, str]], step: int) -> Image.Image:
    """All episodes at one step, in rows that are as long as there are rows, or one more."""
    columns = next(n for n in range(1, MAX_IN_GRID + 1) if n * n >= len(named))
    tiles = [_tile(story, title, story.frames[min(step, len(story.frames) - 1)]) for story, title in named]
    height = max(tile.height for tile in tiles)
    rows = -(-len(tiles) // columns)
    image = Image.new("RGB", (columns * _TILE_PIXELS, rows * height), _PAPER)
    for place, tile in enumerate(tiles):
        image.paste(tile, (place % columns * _TILE_PIXELS, place // columns * height))
    return image


def _tile(story: Story, title: str, frame: Frame) -> Image.Image:
    """One episode in a grid: title, goal, the world, a line for each of the first agents, and how it ends."""
    left, right = 14, _TILE_PIXELS - 14
    num_lines = min(len(story.agents), _TILE_AGENTS)
    image = Image.new("RGB", (_TILE_PIXELS, 78 + _TILE_WORLD_PIXELS + 22 * num_lines + 36), _PAPER)
    draw = ImageDraw.Draw(image)
    y: float = 10
    for line in _two_lines(title, _font(13, "Bold"), right - left):
        draw.text((left, y), line, _INK, _font(13, "Bold"))
        y += 17
    draw.text((left, 46), _fitting(story.goal, _font(13), right - left), _ACCENT, _font(13))
    cell = max(1, _TILE_WORLD_PIXELS // max(frame.scene.look.shape))
    world = _world(frame, cell)
    image.paste(world, ((_TILE_PIXELS - world.width) // 2, 70 + (_TILE_WORLD_PIXELS - world.height) // 2))
    y = 70 + _TILE_WORLD_PIXELS + 8
    for i, (letter, _) in enumerate(story.agents[:num_lines]):
        turn = frame.turns[i] if frame.turns else None
        draw.text((left, y), letter, _INK, _font(13, "Bold"))
        does = turn.does if turn else ""
        draw.text((right, y), does, _DIM, _font(13), anchor="ra")
        if story.talks:
            room = right - left - 24 - (_font(13).getlength(does) + 10 if does else 0)
            said = f"“{turn.says}”" if turn and turn.says else "–"
            draw.text((left + 24, y), _fitting(said, _font(13, "Bold"), room), _ACCENT, _font(13, "Bold"))
        y += 22
    last = len(story.frames) - 1
    if frame.step == last:
        colour = _GOOD if story.is_won else _BAD
        draw.rounded_rectangle((left, y + 2, right, y + 26), 5, colour)
        told = f"{'✓' if story.is_won else '✗'}  {story.outcome}"
        draw.text((left + 10, y + 14), told, _PAPER, _font(13, "Bold"), anchor="lm")
    else:
        draw.text((left, y + 5), f"step {frame.step} of {last}", _DIM, _font(13))
    return image


def _two_lines(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """The text in one line or two, shortened where that is not enough."""
    words = text.split()
    for cut in range(len(words), 0, -1):
        first = " ".join(words[:cut])
        if font.getlength(first) <= width:
            rest = " ".join(words[cut:])
            return [first, *([_fitting(rest, font, width)] if rest else [])]
    return [_fitting(text, font, width)]


def _fitting(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text, or as much of it as fits."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def _world(frame: Frame, cell: int) -> Image.Image:
    """The world with the letters of the agents below their eyes."""
    world = Image.fromarray(render.draw(frame.scene, cell))
    letters = ImageDraw.Draw(world)
    for row, col, letter in frame.marks:
        at = ((col + 0.5) * cell, (row + 0.74) * cell)
        letters.text(at, letter, _INK, _font(max(7, round(cell * 0.38)), "Bold"), anchor="mm")
    return world


# ---- one episode ----


def draw_frame(story: Story, frame: Frame, size: tuple[int, int], title: str) -> Image.Image:
    """One step as an RGB image of `size` pixels."""
    image = Image.new("RGB", size, _PAPER)
    world = _world(frame, _cell_pixels(story))
    image.paste(world, (_MARGIN_PIXELS, _MARGIN_PIXELS))
    _draw_panel(ImageDraw.Draw(image), story, title, frame, world.width + 2 * _MARGIN_PIXELS)
    return image


def _cell_pixels(story: Story) -> int:
    return max(8, _WORLD_PIXELS // max(story.frames[0].scene.look.shape))


def _size(named: Sequence[tuple[Story, str]]) -> tuple[int, int]:
    """Width and height of an image that holds every frame of every story."""
    width = height = 0
    for story, title in named:
        rows, cols = story.frames[0].scene.look.shape
        cell = _cell_pixels(story)
        width = max(width, cols * cell + _PANEL_PIXELS + 3 * _MARGIN_PIXELS)
        blank = ImageDraw.Draw(Image.new("RGB", (1, 1)))  # drawing beyond an image only measures
        panel = max(_draw_panel(blank, story, title, frame, 0) for frame in story.frames)
        height = max(height, rows * cell + 2 * _MARGIN_PIXELS, panel + _MARGIN_PIXELS)
    return width, height


def _draw_panel(draw: ImageDraw.ImageDraw, story: Story, title: str, frame: Frame, left: int) -> int:
    """Write the words from `left` on; returns the height that they take, the outcome included, in pixels."""
    right = left + _PANEL_PIXELS
    y: float = _MARGIN_PIXELS
    y = _write(draw, (left, y), title, _font(18, "Bold"), _INK, right) + 2
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
