"""COCO's JSON: instances."""
