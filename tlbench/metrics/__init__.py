"""Metric collections per task, on torchmetrics."""
