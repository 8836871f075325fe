"""Options that Hydra finds: `task=keypoints`, `data=figures` and others."""
