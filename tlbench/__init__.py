"""tlbench: does reusing a pretrained model help on my data, with which recipe, and by how much?"""

__version__ = "0.1.0"
