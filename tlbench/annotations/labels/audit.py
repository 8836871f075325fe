"""The audit of images with one label each, from the cache where the same images were audited before."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tlbench.annotations.labels.config import LabelDataConfig
from tlbench.annotations.labels.images import FileSet, Images
from tlbench.data.audit import VERSION, Audit, SplitScan, audit
from tlbench.data.audit_cache import cached
from tlbench.data.near_duplicates import SMALLEST_SIDE
from tlbench.data.perceptual_hash import looks_of, pixel_digests
from tlbench.data.target import Target
from tlbench.system.names import printable


def audit_target(
    target: Target[Images], fingerprint: Callable[[str], str], data: LabelDataConfig, *, test: bool
) -> Audit:
    """Audit what a run uses of a target, with the cache.

    Args:
        target: The opened target.
        fingerprint: Gives a split's SHA-256.
        data: The target's config. With `data.shots` a class may have as few images, as they were asked for.
        test: Whether the run reads the test split.
    """
    splits = {split: target.splits[split] for split in (("train", "val", "test") if test else ("train", "val"))}
    wanted = data.min_images_per_class if data.shots is None else min(data.min_images_per_class, data.shots)
    return cached_audit(splits, {split: fingerprint(split) for split in splits}, wanted, target.unreadable)


def cached_audit(
    splits: Mapping[str, Images],
    fingerprints: Mapping[str, str],
    min_images_per_class: int,
    unreadable: Mapping[str, str],
) -> Audit:
    """Audit images, once for all runs that use the same.

    The audit is kept in the cache folder, named by what it depends on. A cache that cannot be read or written costs
    time only.

    Args:
        splits: `train`, `val` and, if the run reads it, `test`.
        fingerprints: Split → SHA-256 of its images and labels.
        min_images_per_class: As in `tlbench.data.audit.audit`.
        unreadable: Likewise.
    """
    names = {split: _names(split, images) for split, images in splits.items()}
    unreadable = {printable(name): reason for name, reason in unreadable.items()}
    depends_on = [VERSION, {s: fingerprints[s] for s in splits}, names, min_images_per_class, unreadable]

    def compute() -> Audit:
        scans = {split: _scan(names[split], images) for split, images in splits.items()}
        return audit(scans, splits["train"].class_names, min_images_per_class, unreadable)

    return cached(depends_on, compute)


def _names(split: str, images: Images) -> tuple[str, ...]:
    if images.names is None:
        return tuple(f"{split}[{i}]" for i in range(len(images)))
    return tuple(map(printable, images.names))


def _scan(names: tuple[str, ...], images: Images) -> SplitScan:
    if isinstance(images, FileSet):
        pixels, side, digests = images.thumbnails, images.side, images.digests
    else:
        pixels, side, digests = images.images, min(images.images.shape[2:]), pixel_digests(images.images)
    looks = looks_of(pixels) if side >= SMALLEST_SIDE else None
    return SplitScan(names, images.labels.numpy(), digests, looks)
