"""Charts as SVG whose width is that of the page: places across are percentages, so that letters keep their size.

Colours come from the page's style sheet, so that they follow its light or dark ground; each chart says in words what it
shows (`aria-label`), and all that is escaped (`markupsafe`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tlbench.reporting.axis import Axis, axis_of

_ROW, _LETTERS, _TOP, _BELOW = 50, 18, 4, 24  # pixels: of a row, of a second line in it, above the first, for the axis
_ONE_LINE = 38  # letters of name and numbers that fit beside each other on a phone
_COLOURS, _MANY = 8, 6  # colours in the style sheet; arms of which the seeds are drawn, too
_LEFT, _RIGHT = 3.0, 97.0  # percent: of the chart, where the axis begins and ends
_WIDE, _HIGH = 1000, 300  # units of the stretched part of a chart of curves


@dataclass(frozen=True)
class Row:
    """A row of dots.

    Attributes:
        name: On its left.
        text: On its right: the numbers.
        dots: Values of single runs.
        mean: Of them.
        ends: Of its interval; None: none is drawn.
        colour: Number of its colour.
        told: What a dot says where the pointer rests on it; by default its value.
    """

    name: str
    text: str
    dots: Sequence[float]
    mean: float | None
    ends: tuple[float, float] | None = None
    colour: int = 0
    told: Sequence[str] = ()


def dot_chart(rows: Sequence[Row], unit: str, said: str, zero: bool = False) -> Markup:
    """A row of dots each, with its mean and interval, on one axis.

    Args:
        rows: From above; nothing is drawn where none has a value.
        unit: Below the axis: what the values are.
        said: What the chart shows, for those who do not see it.
        zero: Whether 0 is on the axis, as a line.
    """
    values = [value for row in rows for value in (*row.dots, *(row.ends or ()))]
    values += [row.mean for row in rows if row.mean is not None]
    if not values:
        return Markup("")
    axis = axis_of(values, [0.0] if zero else [])
    more = _LETTERS if any(len(row.name) + len(row.text) > _ONE_LINE for row in rows) else 0
    height = _TOP + (_ROW + more) * len(rows)
    tick = Markup('<text class="tick" x="{x}" y="{y}">{t}</text>')
    parts = [tick.format(x=_x(axis, value), y=height + 17, t=text) for value, text in axis.ticks]
    for number, row in enumerate(rows):
        top = _TOP + (_ROW + more) * number
        parts += [_upright("grid", axis, value, top + more) for value, _ in axis.ticks]
        parts += [_upright("zero", axis, 0.0, top + more)] if zero else []
        parts.append(_row(row, axis, top, more))
    return Markup(
        '<svg class="chart" role="img" aria-label="{said}" width="100%" height="{height}">{parts}</svg>'
        '<p class="unit">{unit}</p>'
    ).format(said=said, height=height + _BELOW, parts=Markup("").join(parts), unit=unit)


def _x(axis: Axis, value: float) -> str:
    return f"{_LEFT + (_RIGHT - _LEFT) * axis.share(value):.3f}%"


def _upright(kind: str, axis: Axis, value: float, top: int) -> Markup:
    """A line across a row's dots, not across its letters."""
    return Markup('<line class="{kind}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>').format(
        kind=kind, x=_x(axis, value), a=top + 20, b=top + _ROW - 4
    )


def _row(row: Row, axis: Axis, top: int, more: int) -> Markup:
    y = top + more + 33
    found = [
        Markup('<text x="0" y="{y}">{name}</text><text class="number" x="100%" y="{below}">{text}</text>').format(
            y=top + 15, below=top + 15 + more, name=row.name, text=row.text
        )
    ]
    if row.ends is not None:
        low, high = (_x(axis, end) for end in row.ends)
        found.append(
            Markup('<line class="interval c{c}" x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>').format(
                c=row.colour % _COLOURS, low=low, high=high, y=y
            )
        )
    dot = Markup('<circle class="dot c{c}" cx="{x}" cy="{y}" r="4.5"><title>{told}</title></circle>')
    told = row.told or [f"{value:.4g}" for value in row.dots]
    found += [
        dot.format(c=row.colour % _COLOURS, x=_x(axis, value), y=y, told=text)
        for value, text in zip(row.dots, told, strict=True)
    ]
    if row.mean is not None:
        x = _x(axis, row.mean)
        found.append(
            Markup('<line class="mean c{c}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>').format(
                c=row.colour % _COLOURS, x=x, a=y - 9, b=y + 9
            )
        )
    return Markup("").join(found)


Curves = Mapping[str, Mapping[int, Sequence[tuple[float, float]]]]
"""Arm → seed → (epoch, value), in order of epochs; or of recalls."""


def curves_chart(
    curves: Curves, colours: Mapping[str, int], metric: str, said: str, across_is: str = "epoch"
) -> Markup:
    """A curve an arm, the mean over its seeds; of few arms a band from lowest to highest, and a thin line a seed.

    Args:
        curves: Finite values. Mean and band cover the epochs that all seeds of an arm reached.
        colours: Arm → number of its colour; further ones recur, dashed.
        metric: What they are.
        said: What the chart shows, for those who do not see it.
        across_is: What they are by; of epochs labels are whole numbers.
    """
    points = [point for seeds in curves.values() for of_seed in seeds.values() for point in of_seed]
    if not points:
        return Markup("")
    across, up = axis_of([x for x, _ in points], whole=across_is == "epoch"), axis_of([y for _, y in points])

    def place(x: float, y: float) -> str:
        return f"{_WIDE * across.share(x):.1f},{_HIGH * (1 - up.share(y)):.1f}"

    drawn = [
        Markup('<line class="grid" x1="0" x2="{w}" y1="{y}" y2="{y}"/>').format(
            w=_WIDE, y=f"{_HIGH * (1 - up.share(value)):.1f}"
        )
        for value, _ in up.ticks
    ]
    for arm, seeds in curves.items():
        look = _look(colours[arm])
        values = [dict(of_seed) for of_seed in seeds.values()]
        common = sorted(set.intersection(*(set(each) for each in values))) if values else []
        if len(values) > 1 and len(curves) <= _MANY:
            edges = [(x, min(each[x] for each in values)) for x in common]
            edges += [(x, max(each[x] for each in values)) for x in reversed(common)]
            drawn.append(_line("polygon", f"band {look}", [place(*edge) for edge in edges]))
            drawn += [_line("polyline", f"thin {look}", [place(*each) for each in of.items()]) for of in values]
        mean = [(x, sum(each[x] for each in values) / len(values)) for x in common]
        drawn.append(_line("polyline", f"thick {look}", [place(*each) for each in mean]))
    label = Markup('<span style="{side}:{share}%">{text}</span>')
    return Markup(
        '<div class="curves"><div class="up">{up}</div><svg class="chart" role="img" aria-label="{said}" '
        'viewBox="0 0 {w} {h}" preserveAspectRatio="none">{drawn}</svg><div class="across">{across}</div></div>'
        '<p class="unit">{metric} by {across_is}</p>'
    ).format(
        up=_labels(label, "bottom", up),
        said=said,
        w=_WIDE,
        h=_HIGH,
        drawn=Markup("").join(drawn),
        across=_labels(label, "left", across),
        metric=metric,
        across_is=across_is,
    )


def _look(number: int) -> str:
    """Classes of the style sheet: a colour, and dashed where it recurs."""
    return f"c{number % _COLOURS}" + " dashed" * (number >= _COLOURS)


def _labels(label: Markup, side: str, axis: Axis) -> Markup:
    return Markup("").join(
        label.format(side=side, share=f"{100 * axis.share(value):.2f}", text=text) for value, text in axis.ticks
    )


def _line(kind: str, classes: str, points: Sequence[str]) -> Markup:
    return Markup('<{kind} class="{classes}" points="{points}"/>').format(
        kind=Markup(kind), classes=classes, points=" ".join(points)
    )


def legend(names: Sequence[str]) -> Markup:
    """The colours of arms by name."""
    item = Markup('<li><span class="swatch {look}"></span>{name}</li>')
    return Markup('<ul class="legend">{items}</ul>').format(
        items=Markup("").join(item.format(look=_look(number), name=name) for number, name in enumerate(names))
    )
