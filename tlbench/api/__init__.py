"""tlbench from a script or a notebook: one run, a study, and what they left."""
