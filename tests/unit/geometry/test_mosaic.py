from __future__ import annotations

import pytest
import torch

from tests.composed import box_augmentation
from tests.no_synchronisation import NoSynchronisation
from tlbench.annotations.instances.config import InstanceAugmentation
from tlbench.geometry.mosaic import Draws, draw, lay_out

ALL = {"flip": 0.5, "mosaic": 0.7, "scale": 0.5, "translate": 0.1, "hsv_h": 0.02, "hsv_s": 0.7, "hsv_v": 0.4}
SIDE = 64


def config(**strengths: float) -> InstanceAugmentation:
    return box_augmentation(**{**ALL, **strengths})


def drawn(index: torch.Tensor, seed: int = 0, epoch: int = 0, *, closed: bool = False, **strengths: float) -> Draws:
    return draw(config(**strengths), 1000, SIDE, index, seed, epoch, mosaic=not closed)


def test_a_sample_is_drawn_alike_in_any_batch():
    whole, part = drawn(torch.arange(50)), drawn(torch.tensor([7, 3]))
    for name, values in vars(whole).items():
        assert torch.equal(values[[7, 3]], vars(part)[name]), name


@pytest.mark.parametrize("change", [{"seed": 1}, {"epoch": 1}])
def test_seed_and_epoch_change_every_draw(change: dict[str, int]):
    index = torch.arange(50)
    one, other = drawn(index), drawn(index, **change)
    for name, values in vars(one).items():
        assert not torch.equal(values, vars(other)[name]), name


def test_what_is_drawn_does_not_depend_on_other_strengths():
    index = torch.arange(200)
    whole, closed = drawn(index), drawn(index, closed=True)
    bare = drawn(index, flip=0.5, scale=0, translate=0, hsv_h=0, hsv_s=0, hsv_v=0)
    assert closed.tiles.tolist() == index[:, None].tolist()
    for name in ("centre", "scale", "shift", "gains", "flip"):
        assert torch.equal(vars(whole)[name], vars(closed)[name]), name
    for name in ("tiles", "centre", "flip"):
        assert torch.equal(vars(whole)[name], vars(bare)[name]), name
    assert torch.equal(bare.scale, torch.ones(200))
    assert torch.equal(bare.shift, torch.full((200, 2), SIDE / 2))


def test_draws_fill_their_ranges():
    draws = drawn(torch.arange(5000))
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
        (draws.gains[:, 0], -0.02, 0.02),
        (draws.gains[:, 1], -0.7, 0.7),
        (draws.gains[:, 2], -0.4, 0.4),
    ):
        assert low <= values.min()
        assert values.max() <= high
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))
        assert values.std() == pytest.approx((high - low) / 12**0.5, rel=0.03)
    assert draws.flip.float().mean() == pytest.approx(0.5, abs=0.03)


def test_draws_are_independent_of_each_other():
    draws = drawn(torch.arange(5000), mosaic=1)
    columns = [*draws.tiles[:, 1:].T, *draws.centre.T, draws.scale, *draws.shift.T, *draws.gains.T, draws.flip]
    correlation = torch.corrcoef(torch.stack([column.float() for column in columns]))
    assert (correlation - torch.eye(len(columns))).abs().max() < 0.07


def test_tiles_touch_the_centre_and_are_cut_at_the_border_of_the_canvas():
    one = torch.ones(1)
    draws = Draws(
        tiles=torch.tensor([[5, 6, 7, 8]]),
        centre=torch.tensor([[40, 90]]),  # x, y
        scale=one,
        shift=torch.full((1, 2), 32.0),
        gains=torch.zeros(1, 3),
        flip=torch.zeros(1, dtype=torch.bool),
    )
    inside = torch.tensor([[[64, 48], [36, 64], [50, 64], [64, 64]]])  # height, width
    layout = lay_out(draws, inside, SIDE)
    assert layout.canvas.tolist() == [[128, 128]]
    assert layout.corner.tolist() == [[[-8, 26], [40, 54], [-24, 90], [40, 90]]]
    assert layout.low.tolist() == [[[8, 0], [0, 0], [24, 0], [0, 0]]]
    assert layout.high.tolist() == [[[48, 64], [64, 36], [64, 38], [64, 38]]]


def test_a_sample_without_mosaic_is_the_image_itself():
    draws = drawn(torch.tensor([3, 4]), mosaic=0)
    layout = lay_out(draws, torch.tensor([[[36, 64]], [[64, 10]]]), SIDE)
    assert layout.canvas.tolist() == [[64, 36], [10, 64]]
    assert not layout.corner.any()
    assert not layout.low.any()
    assert layout.high[:, 0].tolist() == layout.canvas.tolist()


def test_a_mosaic_and_a_plain_sample_share_a_batch():
    draws = drawn(torch.arange(20))
    plain = (draws.tiles[:, 1] < 0).nonzero()[:, 0]
    layout = lay_out(draws, torch.full((20, 4, 2), 40), SIDE)
    assert 0 < len(plain) < 20
    assert (layout.canvas[plain] == 40).all()
    assert not layout.corner[plain].any()
    assert torch.equal(layout.low[plain, 1:], layout.high[plain, 1:])
    assert (layout.high[plain, 0] == 40).all()


def test_drawing_does_not_wait_for_the_device():
    index = torch.arange(6)
    inside = torch.full((6, 4, 2), 40)
    settings = config()
    with NoSynchronisation() as operations:
        lay_out(draw(settings, 10, SIDE, index, 0, 0, mosaic=True), inside, SIDE)
    assert operations.seen > 10
