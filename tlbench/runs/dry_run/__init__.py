"""A dry run: what a run or a study would do."""
