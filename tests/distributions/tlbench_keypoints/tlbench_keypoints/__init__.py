"""Key points: the place of each of K named points in an image, as a task of tlbench."""
