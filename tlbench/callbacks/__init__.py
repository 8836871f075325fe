"""What Lightning has not: stages of a strategy, freezing that is audited, exact checkpoints, curves."""
