"""The camera: the homography that takes the page's plane to the image, and which part of the page it shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlbench.config.size import Size
from tlbench.embedded.documents.draws import Array, Draws

# height / width of the image
SHAPES = (9 / 16, 2 / 3, 3 / 4, 1.0, 4 / 3, 1.414, 16 / 9)
SHAPE_WEIGHTS = (4.0, 1.5, 2.0, 2.0, 2.0, 2.0, 1.0)
NEAREST = 0.35  # of the distance at the image's centre: what is nearer to the camera lies far outside the image


@dataclass(frozen=True)
class View:
    """How the page's plane is seen.

    Attributes:
        matrix: (3, 3) homography of page units (1 = the page's short side) to pixels.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
    """

    matrix: Array
    height: int
    width: int

    def to_image(self, points: Array) -> Array:
        """(N, 2) page points as pixels (x, y)."""
        return transform(self.matrix, points)

    def shows(self, corners: Array) -> bool:
        """Whether the bounding box of these (N, 2) page points, all in front of the camera, meets the image."""
        depth = corners @ self.matrix[2, :2] + self.matrix[2, 2]
        if depth.min() < NEAREST:
            return False
        x, y = transform(self.matrix, corners).T
        return bool(x.max() > 0 and y.max() > 0 and x.min() < self.width and y.min() < self.height)

    def scale_at(self, x: float, y: float) -> float:
        """Pixels per page unit at a point, the geometric mean of the two directions."""
        here, right, down = transform(self.matrix, np.array([[x, y], [x + 1e-3, y], [x, y + 1e-3]]))
        (a, b), (c, d) = right - here, down - here
        return 1e3 * float(np.sqrt(abs(a * d - b * c)))

    def page_grid(self) -> tuple[Array, Array]:
        """Two (height, width) float32 arrays: the page coordinates x and y under the centre of every pixel."""
        inverse = np.linalg.inv(self.matrix).astype(np.float32)
        x = np.arange(self.width, dtype=np.float32)[None] + np.float32(0.5)
        y = np.arange(self.height, dtype=np.float32)[:, None] + np.float32(0.5)
        u, v, w = (row[0] * x + (row[1] * y + row[2]) for row in inverse)
        return u / w, v / w


def transform(matrix: Array, points: Array) -> Array:
    """(N, 2) points through a (3, 3) homography."""
    out = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(out[:, :2] / out[:, 2:])


def choose_size(draws: Draws, within: Size) -> Size:
    """Height and width of an image that is as high or as wide as a rectangle, and no larger."""
    ratio = draws.pick(SHAPES, SHAPE_WEIGHTS)
    height, width = within
    return (round(width * ratio), width) if width * ratio <= height else (height, round(height / ratio))


def look_at(draws: Draws, size: tuple[int, int], centre: tuple[float, float], scale: float, calm: float) -> View:
    """A view of a point of the page, at about the image's centre.

    Args:
        draws: The page's random numbers: turn, foreshortening, tilt.
        size: Height and width of the image.
        centre: The page point.
        scale: Pixels per page unit there, before foreshortening.
        calm: In [0, 1]: 1 is a flatbed scan, 0 a photograph from the hand.
    """
    height, width = size
    wild = 1 - calm
    turn = wild * (draws.between(-0.45, 0.45) if draws.chance(0.5) else draws.between(-0.12, 0.12))
    squeeze = 1 - wild * draws.between(0, 0.4)
    cos, sin = np.cos(turn), np.sin(turn)
    to_centre = np.array([[1, 0, -centre[0]], [0, 1, -centre[1]], [0, 0, 1.0]])
    turned = np.array([[scale * cos, -scale * sin, 0], [scale * sin * squeeze, scale * cos * squeeze, 0], [0, 0, 1.0]])
    # The denominator is 1 at the centre and, inside the image, at least 1 / (1 + 0.35).
    tilt_x, tilt_y = (wild * draws.between(-0.35, 0.35) / max(size) for _ in range(2))
    tilted = np.array([[1, 0, 0], [0, 1, 0], [tilt_x, tilt_y, 1.0]])
    to_image = np.array([[1, 0, width / 2], [0, 1, height / 2], [0, 0, 1.0]])
    return View(to_image @ tilted @ turned @ to_centre, height, width)
