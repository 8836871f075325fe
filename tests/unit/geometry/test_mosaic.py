from __future__ import annotations

import pytest
import torch

from tests.composed import box_augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.geometry.hsv import draw_gains
from tlbench.geometry.mosaic import Draws, draw, lay_out

ALL = {"flip": 0.5, "mosaic": 0.7, "scale": 0.5, "translate": 0.1, "hsv_h": 0.02, "hsv_s": 0.7, "hsv_v": 0.4}
SIDE = 64


def config(**strengths: float) -> InstanceAugmentation:
    return box_augmentation(**{**ALL, **strengths})


def drawn(index: torch.Tensor, seed: int = 0, epoch: int = 0, *, closed: bool = False, **strengths: float) -> Draws:
    return draw(config(**strengths), 1000, (SIDE, SIDE), index, seed, epoch, mosaic=not closed)


def gains(index: torch.Tensor, seed: int = 0, epoch: int = 0, **strengths: float) -> torch.Tensor:
    drawn = draw_gains(config(**strengths), index, seed, epoch)
    assert drawn is not None
    return drawn


def test_a_sample_is_drawn_alike_in_any_batch():
    whole, part = drawn(torch.arange(50)), drawn(torch.tensor([7, 3]))
    for name, values in vars(whole).items():
        assert torch.equal(values[[7, 3]], vars(part)[name]), name
    assert torch.equal(gains(torch.arange(50))[[7, 3]], gains(torch.tensor([7, 3])))


@pytest.mark.parametrize("change", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_every_draw(change: dict[str, int]):
    index = torch.arange(50)
    one, other = drawn(index), drawn(index, **change)
    for name, values in vars(one).items():
        assert not torch.equal(values, vars(other)[name]), name
    assert not torch.equal(gains(index), gains(index, **change))


def test_what_is_drawn_does_not_depend_on_other_strengths():
    index = torch.arange(200)
    whole, closed = drawn(index), drawn(index, closed=True)
    bare = drawn(index, flip=0.5, scale=0, translate=0)
    assert closed.tiles.tolist() == index[:, None].tolist()
    for name in ("centre", "scale", "shift", "flip"):
        assert torch.equal(vars(whole)[name], vars(closed)[name]), name
    for name in ("tiles", "centre", "flip"):
        assert torch.equal(vars(whole)[name], vars(bare)[name]), name
    assert torch.equal(bare.scale, torch.ones(200))
    assert torch.equal(bare.shift, torch.full((200, 2), SIDE / 2))
    assert torch.equal(gains(index)[:, 1], gains(index, hsv_h=0, hsv_v=0)[:, 1])
    assert draw_gains(config(hsv_h=0, hsv_s=0, hsv_v=0), index, 0, 0) is None


def test_draws_fill_their_ranges():
    draws, colours = drawn(torch.arange(5000)), gains(torch.arange(5000))
    assert draws.tiles[:, 1:].max() == 999
    assert (draws.tiles[:, 0] == torch.arange(5000)).all()
    assert (draws.tiles[:, 1] >= 0).float().mean() == pytest.approx(0.7, abs=0.03)
    assert ((draws.tiles[:, 1:] >= 0).sum(1) % 3 == 0).all()  # all three or none
    for column in draws.centre.T:
        assert (column.min(), column.max()) == (SIDE // 2, 3 * SIDE // 2 - 1)
    for values, low, high in (
        (draws.scale, 0.5, 1.5),
        (draws.shift[:, 0], 0.4 * SIDE, 0.6 * SIDE),
        (draws.shift[:, 1], 0.4 * SIDE, 0.6 * SIDE),
        (colours[:, 0], -0.02, 0.02),
        (colours[:, 1], -0.7, 0.7),
        (colours[:, 2], -0.4, 0.4),
    ):
        assert low <= values.min()
        assert values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
        assert values.std() == pytest.approx((high - low) / 12**0.5, rel=0.03)
    assert draws.flip.float().mean() == pytest.approx(0.5, abs=0.03)


def test_draws_are_independent_of_each_other():
    draws = drawn(torch.arange(5000), mosaic=1)
    columns = [
        *draws.tiles[:, 1:].T,
        *draws.centre.T,
        draws.scale,
        *draws.shift.T,
        *gains(torch.arange(5000)).T,
        draws.flip,
    ]
    correlation = torch.corrcoef(torch.stack([column.float() for column in columns]))
    assert (correlation - torch.eye(len(columns))).abs().max() < 0.07


def test_tiles_touch_the_centre_and_are_cut_at_the_border_of_the_canvas():
    one = torch.ones(1)
    draws = Draws(
        tiles=torch.tensor([[5, 6, 7, 8]]),
        centre=torch.tensor([[40, 90]]),  # x, y
        scale=one,
        shift=torch.full((1, 2), 32.0),
        flip=torch.zeros(1, dtype=torch.bool),
    )
    inside = torch.tensor([[[64, 48], [36, 64], [50, 64], [64, 64]]])  # height, width
    placement = lay_out(draws, inside, inside, (SIDE, SIDE))
    assert placement.canvas.tolist() == [[128, 128]]
    assert placement.corner.tolist() == [[[-8, 26], [40, 54], [-24, 90], [40, 90]]]
    low, high = placement.shown()
    assert low.tolist() == [[[8, 0], [0, 0], [24, 0], [0, 0]]]
    assert high.tolist() == [[[48, 64], [64, 36], [64, 38], [64, 38]]]


def test_a_sample_without_mosaic_is_the_image_itself():
    draws = drawn(torch.tensor([3, 4]), mosaic=0)
    inside = torch.tensor([[[36, 64]], [[64, 10]]])
    placement = lay_out(draws, inside, inside, (SIDE, SIDE))
    assert placement.canvas.tolist() == [[64, 36], [10, 64]]
    assert not placement.corner.any()
    low, high = placement.shown()
    assert not low.any()
    assert high[:, 0].tolist() == placement.canvas.tolist()


def test_a_mosaic_and_a_plain_sample_share_a_batch():
    draws = drawn(torch.arange(20))
    plain = (draws.tiles[:, 1] < 0).nonzero()[:, 0]
    inside = torch.full((20, 4, 2), 40)
    placement = lay_out(draws, inside, inside, (SIDE, SIDE))
    assert 0 < len(plain) < 20
    assert (placement.canvas[plain] == 40).all()
    assert not placement.corner[plain].any()
    low, high = placement.shown()
    assert torch.equal(low[plain, 1:], high[plain, 1:])
    assert (high[plain, 0] == 40).all()


def test_drawing_does_not_wait_for_the_device():
    index = torch.arange(6)
    inside = torch.full((6, 4, 2), 40)
    settings = config()
    with NoSynchronisation() as operations:
        lay_out(draw(settings, 10, (SIDE, SIDE), index, 0, 0, mosaic=True), inside, inside, (SIDE, SIDE))
        draw_gains(settings, index, 0, 0)
    assert operations.seen > 10
