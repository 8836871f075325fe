"""Files, hashes, names, streams, signals, the machine: nothing of it knows what is trained."""
