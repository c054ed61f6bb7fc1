"""Replays of recorded episodes: verified, in the terminal, as a film, as a web page."""

from analysis.film import film, to_gif, to_mp4
from analysis.player import to_html
from analysis.story import Story, scenes_of, tell
from analysis.terminal import reels_of, to_terminal
from analysis.verify import verify_episode, verify_run

__all__ = [
    "Story",
    "film",
    "reels_of",
    "scenes_of",
    "tell",
    "to_gif",
    "to_html",
    "to_mp4",
    "to_terminal",
    "verify_episode",
    "verify_run",
]
