"""Document pages drawn by procedure, with exact boxes: the detection task's embedded data set."""
