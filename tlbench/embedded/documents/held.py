"""What lies on the page and hides it: a pen, and the hand that holds it. Shaped in the image's own pixels."""

from __future__ import annotations

import numpy as np

from tlbench.embedded.documents.draws import Array, Colour, Draws

SKINS: tuple[Colour, ...] = ((224, 172, 140), (198, 140, 105), (140, 92, 65), (85, 58, 45))
METAL: Colour = (190, 190, 195)
BARRELS: tuple[Colour, ...] = (
    (25, 25, 30),
    (30, 40, 110),
    (150, 25, 30),
    (200, 200, 205),
    (60, 60, 65),
    (220, 180, 60),
)


def pen_and_hand(
    draws: Draws, tip: tuple[float, float], size: tuple[int, int], thick: float
) -> tuple[Array, Array, Array]:
    """A pen whose tip touches the page, with or without fingers.

    Args:
        draws: The page's random numbers.
        tip: Where the pen touches, x and y in pixels.
        size: Height and width of the image.
        thick: The barrel's radius in pixels.

    Returns:
        (H, W) float32 cover in [0, 1], (3, H, W) float32 colours, and (H, W) float32 factors of the shadow on the page.
    """
    height, width = size
    x = np.arange(width, dtype=np.float32)[None] - np.float32(tip[0])
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(tip[1])
    heading = draws.between(-1.45, 0.25) if draws.chance(0.8) else draws.between(-np.pi, np.pi)  # mostly up and right
    cos, sin = np.float32(np.cos(heading)), np.float32(np.sin(heading))
    along, across = x * cos + y * sin, y * cos - x * sin
    nib, grip = thick * draws.between(2.5, 5), thick * draws.between(6, 11)
    far = 4.0 * max(size)
    radius = np.interp(along, [-1, 0, nib, grip, far], [-3, 0.12 * thick, 0.75 * thick, thick, thick]).astype(
        np.float32
    )
    cover = np.clip(radius - np.abs(across) + 0.5, 0, 1)
    barrel, lit = np.array(draws.pick(BARRELS), np.float32)[:, None, None], draws.between(-0.6, 0.6)
    gleam = np.exp(-np.square((across / np.float32(thick) - np.float32(lit)) * 3))
    tint = np.where(along < nib, np.array(METAL, np.float32)[:, None, None], barrel)
    colour = tint * (0.45 + 0.4 * gleam) + 90 * np.square(gleam)
    off = np.float32(draws.between(-1, 1) * thick)
    shadow = np.clip((radius * 1.4 + along * np.float32(0.05) - np.abs(across - off)) / np.float32(1 + thick), 0, 1)
    if draws.chance(0.6):
        skin = np.array(draws.near(draws.pick(SKINS), 15), np.float32)[:, None, None]
        hold, finger = grip * draws.between(0.8, 1.6), thick * draws.between(1.8, 3.2)
        for number in range(draws.count(2, 4)):
            angle = heading + draws.between(-0.9, 0.9) if number else heading + draws.between(-0.2, 0.2)
            at = (hold * cos + draws.between(-1, 1) * finger * sin, hold * sin - draws.between(-1, 1) * finger * cos)
            fx, fy = x - np.float32(at[0]), y - np.float32(at[1])
            c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            u, v = fx * c + fy * s, fy * c - fx * s
            off_axis = np.hypot(np.minimum(u, 0), v) / np.float32(finger * (1 + 0.15 * number)) - np.maximum(
                u, 0
            ) * np.float32(0.15 / far)
            finger_cover = np.clip((1 - off_axis) * np.float32(finger) + 0.5, 0, 1)
            shade = skin * (1.05 - 0.5 * np.square(np.clip(off_axis, 0, 1)))
            colour = colour + (shade - colour) * finger_cover
            cover = np.maximum(cover, finger_cover)
            shadow = np.maximum(shadow, np.clip(1.6 - off_axis, 0, 1))
    return cover, colour, 1 - np.float32(draws.between(0.1, 0.55)) * shadow
