"""Sources of initial weights: a catalog as data; finding, reading and loading them."""
