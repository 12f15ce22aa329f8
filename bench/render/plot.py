"""Plots as plain SVG, readable on light and dark pages: lines over the lengths of streams, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 50, 50
COLORS = ("#1f77b4", "#d62728", "#7f7f7f", "#9467bd", "#ff7f0e", "#2ca02c", "#8c564b")
_MARK = 4
_LABEL_GAP = 14.0


def lines(title: str, unit: str, xs: Sequence[str], series: Mapping[str, Sequence[float | None]]) -> str:
    """One line per series over the same places; None is a gap. Values must be above zero to be seen."""
    values = [value for line in series.values() for value in line if value]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(xs) - 1)

    def x_of(place: int) -> float:
        return LEFT + place * step

    def y_of(value: float) -> float:
        return TOP + (high - math.log10(value)) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [_text(LEFT, 24, title, weight="bold"), _text(LEFT, 41, unit, size=11)]
    for power in range(low, high + 1):
        y = y_of(10**power)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y), _text(LEFT - 8, y + 4, _power(power), anchor="end")]
    parts += [_text(x_of(place), HEIGHT - BOTTOM + 20, x, anchor="middle") for place, x in enumerate(xs)]
    ends = []
    for color, (name, line) in zip(COLORS, series.items(), strict=False):
        points = [(x_of(place), y_of(value)) for place, value in enumerate(line) if value]
        if points:
            parts += _series(points, color)
            ends.append((points[-1][1], name, color))
    parts += [_text(WIDTH - RIGHT + 12, y + 4, name, color=color) for y, name, color in _apart(ends)]
    return _svg(title, parts)


def _apart(ends: Sequence[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    """The lines' names, moved down where they would lie on each other, and up again where they would leave the plot."""
    placed: list[tuple[float, str, str]] = []
    for y, name, color in sorted(ends):
        placed.append((max(y, placed[-1][0] + _LABEL_GAP) if placed else y, name, color))
    excess = max(0.0, placed[-1][0] - (HEIGHT - BOTTOM)) if placed else 0.0
    return [(y - excess, name, color) for y, name, color in placed]


def _series(points: Sequence[tuple[float, float]], color: str) -> list[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_MARK}" fill="{color}"/>' for x, y in points]
    return [f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>', *dots]


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#888" stroke-opacity="0.35"/>'


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal", size: int = 13, color: str = "#777"
) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}" fill="{color}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'


def _power(power: int) -> str:
    return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"


def _svg(title: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'font-family="system-ui, sans-serif"><title>{escape(title)}</title>'
    )
    return "\n".join([head, *parts, "</svg>\n"])
