"""Points and coordinates: what tlbench calls classes are the coordinates, as a head has an output for each."""

from __future__ import annotations

from collections.abc import Sequence

from tlbench.errors import DataError

AXES = ("x", "y")


def coordinates(points: Sequence[str]) -> tuple[str, ...]:
    """`NAME_x`, `NAME_y` of each point."""
    return tuple(f"{point}_{axis}" for point in points for axis in AXES)


def points_of(names: Sequence[str]) -> tuple[str, ...]:
    """The points of coordinates in the order of `coordinates`.

    Raises:
        DataError: They are not x and y of one point after another.
    """
    points = tuple(name.removesuffix("_x") for name in names[::2])
    if coordinates(points) != tuple(names):
        raise DataError(
            f"data.classes=[{','.join(names)}]: name both coordinates of each point, one after the other, such as "
            f"[{points[0].removesuffix('_y')}_x,{points[0].removesuffix('_y')}_y]"
        )
    return points


def partners(points: Sequence[str]) -> list[int]:
    """For each point the position of the one that it becomes in a mirror: `left_NAME` and `right_NAME`, else itself."""
    there = {point: i for i, point in enumerate(points)}
    sides = {"left_": "right_", "right_": "left_"}
    found = []
    for i, point in enumerate(points):
        side = next((side for side in sides if point.startswith(side)), None)
        other = None if side is None else sides[side] + point.removeprefix(side)
        found.append(there.get(other, i) if other is not None else i)
    return found
