"""What is done with a finished run: evaluate it again, predict with it, export it."""
