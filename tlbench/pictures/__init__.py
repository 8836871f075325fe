"""Figures, and images with what was found drawn on them."""
