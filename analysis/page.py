"""Self-contained web pages: the frame that every page of ours has, light and dark.

A page asks the network for nothing, and its content security policy forbids it to. Whatever was recorded reaches the
page as text: in HTML escaped, in the player's data as JSON whose "<" are escaped, and from there only by textContent.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cache
from pathlib import Path

# what each colour of the style sheet is in the dark
_DARK = {
    "paper": "#15181c", "card": "#1f242a", "ink": "#e9ecef", "dim": "#a0a9b4", "line": "#343b44", "grid": "#2d333a",
    "axis": "#5a626c", "pale": "#4a515a", "shade": "#252331", "accent": "#6cbcf0", "good": "#3ecf9f", "bad": "#ff9a5c",
    "bubble": "#22384a",
}  # fmt: skip


def page(title: str, body: str, header: str = "", colours: Mapping[str, tuple[str, str]] | None = None) -> str:
    """A whole page; `body` and `header` are HTML and must be escaped already, `title` is text.

    `colours` are further ones that follow the theme: name, and what it is on a light and on a dark page.
    """
    colours = colours or {}
    light = "".join(f"--{name}: {pair[0]}; " for name, pair in colours.items())
    dark = "".join(f"--{name}: {value}; " for name, value in _DARK.items())
    dark += "".join(f"--{name}: {pair[1]}; " for name, pair in colours.items())
    style = (
        f"{asset('page.css')}:root {{ {light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme=light]) {{ color-scheme: dark; {dark}}} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark}}}\n"
    )
    return _PAGE.format(title=escaped(title), style=style, header=header, body=body, script=asset("theme.js"))


def escaped(text: object) -> str:
    """
    >>> escaped("<b> & 'c'")
    '&lt;b&gt; &amp; &#x27;c&#x27;'
    """
    return html.escape(str(text), quote=True)


@cache
def asset(name: str) -> str:
    """A style sheet or script that lies beside this file."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<nav class="top">{header}<button type="button" id="theme" hidden>dark</button></nav>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""
