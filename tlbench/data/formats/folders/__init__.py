"""A folder of images for each class."""
