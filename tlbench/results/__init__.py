"""The run record, its sidecars, and how they are written."""
