"""Data of the detection task: images with boxes."""
