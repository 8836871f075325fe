"""How images are varied and brought to the network's input."""
