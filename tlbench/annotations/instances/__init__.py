"""Instances: objects of an image, each with a box and a label."""
