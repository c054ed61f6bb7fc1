"""Examples in docstrings as code: our docstrings hold them as plain lines, which pages would show as quotations."""

from __future__ import annotations

from typing import Any

import griffe


class Doctests(griffe.Extension):
    """Puts a fence around the lines of each example, from its first prompt to the next empty line."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    r"""The text with fences.

    >>> fenced("Adds.\n>>> 1 + 1\n2\n\nNo more.").splitlines()
    ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```', '', 'No more.']
    """
    lines: list[str] = []
    is_inside = False
    for line in text.splitlines():
        if line.lstrip().startswith(">>>") and not is_inside:
            lines += [*([""] if lines and lines[-1].strip() else []), "```pycon"]
            is_inside = True
        elif is_inside and not line.strip():
            lines.append("```")
            is_inside = False
        lines.append(line)
    return "\n".join([*lines, *(["```"] if is_inside else [])])
