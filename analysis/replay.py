"""Replays of recorded episodes: verified, in the terminal, as a GIF, as a web page."""

from analysis.gif import to_gif
from analysis.player import to_html
from analysis.story import Story, scenes_of, tell
from analysis.terminal import to_terminal
from analysis.verify import verify_episode, verify_run

__all__ = ["Story", "scenes_of", "tell", "to_gif", "to_html", "to_terminal", "verify_episode", "verify_run"]
