"""Code and places that a run's record names: nothing of them is imported or read unasked, for the record may have come
with a folder that somebody sent.
"""
