"""CIFAR-10: a copy of it, and its official split."""
