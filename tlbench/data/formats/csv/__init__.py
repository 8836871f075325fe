"""A table of image files with a label each."""
