from __future__ import annotations

import pytest
import torch

from tlbench.metrics.mean import SampleMean

BATCHES = ((1.0, 4), (3.0, 1), (-2.0, 3))
MEAN = (4 * 1.0 + 1 * 3.0 - 3 * 2.0) / 8  # the mean of the batches' means would be 2/3


def filled(batches=BATCHES) -> SampleMean:
    metric = SampleMean()
    for mean, samples in batches:
        metric.update(torch.tensor(mean), samples)
    return metric


def test_every_sample_weighs_the_same_whatever_the_size_of_its_batch():
    assert filled().compute().item() == MEAN
    assert filled(BATCHES[1:]).compute().item() == -0.75


def test_parts_of_a_value_are_averaged_each():
    metric = SampleMean((2,))
    for mean, samples in BATCHES:
        metric.update(torch.tensor([mean, 2.0]), samples)
    assert metric.compute().tolist() == [MEAN, 2.0]
    metric.reset()
    assert metric.total.tolist() == [0.0, 0.0]


def test_half_precision_means_are_weighed_in_float32():
    metric = SampleMean()
    metric.update(torch.tensor(1 + 2**-7, dtype=torch.bfloat16), 3)
    assert metric.total.item() == 3 + 3 * 2**-7  # has no bfloat16
    assert metric.compute().dtype == torch.float32


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_without_samples_it_is_nan_and_a_reset_forgets():
    metric = filled()
    metric.reset()
    assert metric.compute().isnan()
    metric.update(torch.tensor(5.0), 2)
    assert metric.compute().item() == 5.0


def test_a_process_without_samples_has_as_many_parts_as_the_others():
    """Gathering asks for equal shapes."""
    own, other = SampleMean((2,)), SampleMean((2,))
    other.update(torch.tensor([1.0, 3.0]), 4)
    assert own.total.shape == other.total.shape
    theirs = iter([other.total, other.count])
    own.distributed_available_fn = lambda: True
    own.dist_sync_fn = lambda value, group=None: [value, next(theirs)]
    own._update_count = 1  # else it warns
    assert own.compute().tolist() == [1.0, 3.0]


def test_over_processes_the_samples_of_all_weigh_the_same():
    """Two processes of unlike numbers of samples, their gathering replaced."""
    own, other = filled(BATCHES[:1]), filled(BATCHES[1:])
    theirs = iter([other.total, other.count])
    own.distributed_available_fn = lambda: True
    own.dist_sync_fn = lambda value, group=None: [value, next(theirs)]
    assert own.compute().item() == MEAN
    assert next(theirs, None) is None
    assert (own.total.item(), own.count.item()) == (4.0, 4.0)  # its own again
