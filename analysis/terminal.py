"""An episode in the terminal: coloured blocks, and beside them who says, does and believes what."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from analysis.run import Run
from analysis.story import Belief, Frame, Story, tell
from world.codes import BOXLING_COLOUR, WALL_COLOUR
from world.render import PALETTE


def to_terminal(
    run: Run,
    generation: int | None = None,
    episode: int | None = None,
    console: Console | None = None,
    seconds_per_step: float = 0.5,
) -> None:
    """Show a recorded episode step by step: in place in a terminal, one below the other elsewhere.

    By default the first episode of the last recorded generation. ValueError when it was not recorded.
    """
    story = tell(run.episode(generation, episode))
    console = console or Console()
    console.print(_heading(story))
    has_colour = console.color_system is not None
    if not console.is_terminal:
        for frame in story.frames:
            console.print(picture_of(story, frame, has_colour))
        return
    with Live(console=console, auto_refresh=False) as live:
        for frame in story.frames:
            live.update(picture_of(story, frame, has_colour), refresh=True)
            if frame is not story.frames[-1]:
                time.sleep(seconds_per_step)


def picture_of(story: Story, frame: Frame, has_colour: bool) -> RenderableType:
    """One step: the world on the left, the words on the right."""
    side_by_side = Table.grid(padding=(0, 3))
    side_by_side.add_row(blocks(frame, has_colour), Group(*_words(story, frame)))
    return Group(Text(), side_by_side)


def blocks(frame: Frame, has_colour: bool) -> Text:
    """The world, two characters a cell: background colours, or glyphs where there are no colours.

    Without colours a box shows the number of its ARC colour, a wall ##, an empty cell a dot, a mark on the floor a dot
    and its number.
    """
    seen, look = frame.scene.seen, frame.scene.look
    letters = {(row, col): letter for row, col, letter in frame.marks}
    text = Text(no_wrap=True)
    for row in range(seen.shape[0]):
        for col in range(seen.shape[1]):
            code = int(seen[row, col])
            is_floor = code > 0 and look[row, col] == 0
            letter = letters.get((row, col), "")[:2]
            if has_colour and is_floor:
                red, green, blue = (int(part) for part in PALETTE[code])
                text.append("░░", Style(color=f"#{red:02x}{green:02x}{blue:02x}"))
            elif has_colour:
                red, green, blue = (int(part) for part in PALETTE[code])
                ink = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 128 else "white"
                text.append(f"{letter:<2}", Style(color=ink, bgcolor=f"#{red:02x}{green:02x}{blue:02x}", bold=True))
            else:
                glyphs = {0: " .", WALL_COLOUR: "##", BOXLING_COLOUR: f"@{letter or '@'}"[:2]}
                text.append(f"·{code}" if is_floor else glyphs.get(code, f"{code}{code}"))
        text.append("\n")
    return text


def _heading(story: Story) -> Text:
    text = Text()
    text.append(story.title + "\n", "bold")
    text.append(story.circumstances + "\n", "dim")
    text.append("goal: ")
    text.append(story.goal, "bold")
    return text


def _words(story: Story, frame: Frame) -> list[RenderableType]:
    last = len(story.frames) - 1
    lines: list[RenderableType] = [Text(f"step {frame.step} of {last}", "bold")]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("who", no_wrap=True)
    # as wide at every step as at the widest, so that nothing jumps about
    said = max((len(turn.says) for each in story.frames for turn in each.turns), default=0)
    if story.talks:
        table.add_column("says", min_width=said)
    table.add_column("does", min_width=len("goes right") if any(each.marks for each in story.frames) else None)
    known_by_guides = next((turn.believes for turn in story.frames[-1].turns if turn.believes), ())
    if story.talks:
        table.add_column(f"believes: {', '.join(belief.attribute for belief in known_by_guides)}")
    for i, (letter, who) in enumerate(story.agents):
        row = [Text(f"{letter} {who}")]
        if frame.turns:
            turn = frame.turns[i]
            says = [Text(turn.says or "–", "cyan" if turn.says else "dim")] if story.talks else []
            believes = [_beliefs(turn.believes)] if story.talks else []
            row += [*says, Text(turn.does or "–"), *believes]
        table.add_row(*row)
    lines.append(table)
    if frame.changes:
        lines.append(Text("; ".join(frame.changes), "dim"))
    if frame.step == last:
        lines.append(
            Text(
                f"{'✓' if story.is_won else '✗'} {story.outcome}",
                "bold green" if story.is_won else "bold red",
            )
        )
    return lines


def _beliefs(believes: tuple[Belief, ...]) -> Text:
    """The values, each with a tick or a cross, so that it can be read without colours."""
    text = Text()
    for belief in believes:
        text.append(f"{belief.value} ")
        text.append("✓ " if belief.is_right else "✗ ", "green" if belief.is_right else "red")
    return text
