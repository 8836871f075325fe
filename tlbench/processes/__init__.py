"""Several processes of one run: who they are, what they tell one another, how the first starts and ends the others."""
