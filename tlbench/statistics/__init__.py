"""Inference over seeds, splits and test images: plain functions of numbers, which know no run and no task."""
