"""Keys, one at a time and by name, from a real terminal; nothing else is needed for it than Python."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# what terminals send for keys that are no letters (ECMA-48, and as xterm and the Linux console do)
_SEQUENCES = {
    "\x1b[C": "right", "\x1b[D": "left", "\x1b[A": "up", "\x1b[B": "down", "\x1bOC": "right", "\x1bOD": "left",
    "\x1bOA": "up", "\x1bOB": "down", "\x1b[H": "home", "\x1b[F": "end", "\x1bOH": "home", "\x1bOF": "end",
    "\x1b[1~": "home", "\x1b[4~": "end", "\x1b[5~": "page up", "\x1b[6~": "page down", "\x1b": "escape",
    " ": "space", "\x03": "escape", "\x04": "escape",
}  # fmt: skip
# the second half of what Windows gives for them
_WINDOWS = {
    "M": "right", "K": "left", "H": "up", "P": "down", "G": "home", "O": "end", "I": "page up", "Q": "page down",
}  # fmt: skip


def name_of(sent: str) -> str:
    """The name of a key by what a terminal sends for it; letters are their own names.

    >>> name_of("\\x1b[D"), name_of(" "), name_of("q")
    ('left', 'space', 'q')
    """
    return _SEQUENCES.get(sent, sent)


def split(sent: str) -> list[str]:
    """What was sent for each key, in text that holds several.

    >>> split("q\\x1b[Cx\\x1b[5~")
    ['q', '\\x1b[C', 'x', '\\x1b[5~']
    """
    keys = []
    while sent:
        longest = max((known for known in _SEQUENCES if sent.startswith(known)), key=len, default=sent[0])
        keys.append(longest)
        sent = sent[len(longest) :]
    return keys


@contextmanager
def keys() -> Iterator[Callable[[float | None], list[str]]]:
    """Gives a function that waits so many seconds, for ever with None, and returns the names of the keys pressed.

    Meanwhile the terminal neither shows what is typed nor waits for the end of a line; afterwards it is as it was.
    """
    if os.name == "nt":
        yield _pressed_on_windows
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)

    def pressed(seconds: float | None) -> list[str]:
        if not select.select([terminal], [], [], seconds)[0]:
            return []
        sent = os.read(terminal, 1024)
        return [name_of(key) for key in split(sent.decode(errors="replace"))] if sent else ["escape"]  # nobody is there

    try:
        tty.setcbreak(terminal)
        yield pressed
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _pressed_on_windows(seconds: float | None) -> list[str]:
    import msvcrt

    end = None if seconds is None else time.monotonic() + seconds
    while not msvcrt.kbhit():  # type: ignore[attr-defined]
        if end is not None and time.monotonic() >= end:
            return []
        time.sleep(0.02)
    key = msvcrt.getwch()  # type: ignore[attr-defined]
    return [_WINDOWS.get(msvcrt.getwch(), "")] if key in "\x00\xe0" else [name_of(key)]  # type: ignore[attr-defined]
