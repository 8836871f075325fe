"""Who reads what: folders, tables, YOLO, COCO, and published data sets."""
