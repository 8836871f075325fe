"""What Lightning has not: progress in images/s, curves for the record, a check for non-finite losses."""
