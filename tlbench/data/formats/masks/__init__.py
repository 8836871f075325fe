"""Images with masks: image files that hold a class for each pixel."""
