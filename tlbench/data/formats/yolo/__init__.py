"""YOLO's folders and label files."""
