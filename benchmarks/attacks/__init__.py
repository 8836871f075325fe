"""Attacks on tlbench: files that lie, places that refuse, numbers that diverge, and what is made of them.

    .venv/bin/python -m benchmarks.attacks --list

An attack draws its input in a folder of its own, runs commands there and says by what it is survived: an *oracle*.
"""
