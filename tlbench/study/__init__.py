"""What the runs of a study say together: collecting run records, statistics, rendering. Knows nothing of torch."""
