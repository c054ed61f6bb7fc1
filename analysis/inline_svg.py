"""Figures within a web page: SVG whose paper, ink and text take the colours of the page, light or dark.

Curves and areas keep their colours, which stand out from both; what is written on a colour does too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from colorsys import hls_to_rgb, rgb_to_hls

from matplotlib.colors import to_hex, to_rgb

from analysis.drawing import AXIS, BLACK, GREY, GRID, ON_DARK, ON_LIGHT, PALE, PAPER, SHADE, brightness

_VARIABLES = {
    BLACK: "ink", PAPER: "paper", GRID: "grid", AXIS: "axis", PALE: "pale", SHADE: "shade", GREY: "dim",
}  # fmt: skip
_FONT = "system-ui, sans-serif"


def inline(picture: bytes, label: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """An SVG file of ours as an element of a page, and the colours that it needs: name, on light and on dark paper.

    `label` is read out to who cannot see it; it must be escaped already.
    """
    text = picture.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r"(<svg[^>]*?) width=\"[^\"]*\"", r"\1", text, count=1)
    text = re.sub(r"(<svg[^>]*?) height=\"[^\"]*\"", r"\1", text, count=1)
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}" stroke-linejoin="round"', 1)
    # two pictures on a page have parts of one name; only what is referred to needs one
    referred = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    text = re.sub(r' id="([^"]+)"', lambda found: found[0] if found[1] in referred else "", text)
    text = re.sub(r"(font(?:-family)?): ([^;\"]*)", _with_our_font, text)
    colours: dict[str, tuple[str, str]] = {}

    def themed(found: re.Match[str]) -> str:
        before, colour = found[1], found[2].lower()
        if colour in _VARIABLES:
            return f"{before}var(--{_VARIABLES[colour]})"
        if colour in (ON_LIGHT, ON_DARK) or not is_text:
            return found[0]
        name = f"text-{colour[1:]}"
        colours[name] = (colour, lighter(colour))
        return f"{before}var(--{name})"

    parts = re.split(r"(<text[^>]*>)", text)
    for i, part in enumerate(parts):
        is_text = part.startswith("<text")
        parts[i] = re.sub(r"((?:fill|stroke): )(#[0-9a-fA-F]{6})", themed, part)
    return "".join(parts), colours


def all_colours(of_pictures: Iterable[dict[str, tuple[str, str]]]) -> dict[str, tuple[str, str]]:
    """The colours that several pictures need."""
    return {name: pair for colours in of_pictures for name, pair in colours.items()}


def lighter(colour: str) -> str:
    """The colour, light enough to be read as text on black.

    >>> lighter("#ffffff"), brightness(lighter("#00324e")) > 0.6
    ('#ffffff', True)
    """
    hue, light, saturation = rgb_to_hls(*to_rgb(colour))
    while brightness(hls_to_rgb(hue, light, saturation)) < 0.62 and light < 1.0:
        light += 0.02
    return to_hex(hls_to_rgb(hue, min(light, 1.0), saturation))


def _with_our_font(found: re.Match[str]) -> str:
    """The size and weight of a font without its family."""
    if found[1] == "font-family":
        return f"font-family: {_FONT}"
    size = re.search(r"^(.*?\d+(?:\.\d+)?px)", found[2])
    return f"font: {size[1]} {_FONT}" if size else found[0]
