"""Episodes in the terminal: coloured blocks, beside them who says, does and believes what; keys lead on and back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.style import Style
from rich.table import Table
from rich.text import Text

from analysis.keyboard import keys
from analysis.run import Run
from analysis.story import Belief, Frame, Story, tell
from world.codes import BOXLING_COLOUR, WALL_COLOUR
from world.render import PALETTE


@dataclass(frozen=True)
class Reel:
    """Episodes of one kind, as they are shown one after the other."""

    name: str  # "generation 40"
    load: Callable[[], Sequence[dict]]  # rows
    titles: Sequence[str] = ()  # of each episode, in place of its own


def reels_of(run: Run) -> list[Reel]:
    """The recorded generations of a run."""

    def reel(generation: int) -> Reel:
        return Reel(f"generation {generation}", lambda: run.episodes(generation))

    return [reel(generation) for generation in run.generation_numbers]


@dataclass(frozen=True)
class Place:
    """Where a viewer is, and how it goes on."""

    reel: int
    episode: int
    step: int = 0
    is_playing: bool = False
    steps_per_second: float = 2.0
    is_over: bool = False  # the viewer has seen enough


def pressed(key: str, place: Place, num_reels: int, num_episodes: int, num_steps: int) -> Place:
    """Where a key leads, in an episode of so many steps, one of so many episodes.

    >>> pressed("right", Place(0, 0, step=3), 1, 1, num_steps=5).step
    4
    >>> pressed("page up", Place(2, 1, step=3), 3, 2, num_steps=5)
    Place(reel=1, episode=0, step=0, is_playing=False, steps_per_second=2.0, is_over=False)
    """
    still = replace(place, is_playing=False)
    if key in ("q", "escape"):
        return replace(place, is_over=True)
    if key in ("right", "l", "n"):
        return replace(still, step=min(place.step + 1, num_steps))
    if key in ("left", "h", "p"):
        return replace(still, step=max(place.step - 1, 0))
    if key in ("home", "g"):
        return replace(still, step=0)
    if key in ("end", "G"):
        return replace(still, step=num_steps)
    if key == "space":
        at_end = place.step == num_steps
        return replace(
            place, is_playing=not place.is_playing, step=0 if at_end and not place.is_playing else place.step
        )
    if key in ("+", "=", "-"):
        faster = place.steps_per_second * (0.5 if key == "-" else 2.0)
        return replace(place, steps_per_second=min(max(faster, 0.25), 32.0))
    if key in ("down", "j", "up", "k"):
        episode = place.episode + (1 if key in ("down", "j") else -1)
        return replace(place, episode=episode, step=0) if 0 <= episode < num_episodes else place
    if key in ("page down", "page up", "]", "["):
        reel = place.reel + (1 if key in ("page down", "]") else -1)
        return replace(place, reel=reel, episode=0, step=0) if 0 <= reel < num_reels else place
    return place


def to_terminal(
    reels: Sequence[Reel],
    reel: int = 0,
    episode: int = 0,
    console: Console | None = None,
    seconds_per_step: float = 0.5,
) -> None:
    """Show recorded episodes, beginning with this one: with keys in a terminal, elsewhere all steps of the one."""
    console = console or Console()
    has_colour = console.color_system is not None
    if not (console.is_terminal and sys.stdin.isatty()):
        story, title = _story(reels[reel], episode)
        console.print(_heading(story, title))
        for frame in story.frames:
            console.print(picture_of(story, frame, has_colour))
        return
    place = Place(reel, episode, steps_per_second=1 / seconds_per_step, is_playing=True)
    rows: dict[int, Sequence[dict]] = {}
    with keys() as read, Live(console=console, auto_refresh=False, screen=True) as live:
        while not place.is_over:
            rows.setdefault(place.reel, reels[place.reel].load())
            num_episodes = len(rows[place.reel])
            story, title = _story(reels[place.reel], place.episode, rows[place.reel])
            num_steps = len(story.frames) - 1
            picture = picture_of(story, story.frames[place.step], has_colour)
            live.update(Group(_heading(story, title), picture, _help(place, reels, num_episodes)), refresh=True)
            if place.is_playing and place.step == num_steps:
                place = replace(place, is_playing=False)
            found = read(1 / place.steps_per_second if place.is_playing else None)
            if not found and place.is_playing:
                place = replace(place, step=place.step + 1)
            for key in found:
                before = place
                place = pressed(key, place, len(reels), num_episodes, num_steps)
                if (place.reel, place.episode) != (before.reel, before.episode):
                    break  # the other keys were meant for what is to be seen now


def _story(reel: Reel, episode: int, rows: Sequence[dict] | None = None) -> tuple[Story, str]:
    story = tell((rows or reel.load())[episode])
    return story, reel.titles[episode] if reel.titles else story.title


def _help(place: Place, reels: Sequence[Reel], num_episodes: int) -> Text:
    where = f"{reels[place.reel].name}, episode {place.episode + 1} of {num_episodes}"
    if len(reels) > 1:
        where += f", {place.reel + 1} of {len(reels)} generations"
    keys_told = "space play   ← → step   ↑ ↓ episode   Page↑ Page↓ generation   + − speed   Home End   q quit"
    return Text(f"\n{where}   {place.steps_per_second:g} steps/s\n{keys_told}", "dim")


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


def _heading(story: Story, title: str) -> Text:
    text = Text()
    text.append(title + "\n", "bold")
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
