"""Labels: one an image."""
