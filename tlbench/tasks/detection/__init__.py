"""Boxes with a label each."""
