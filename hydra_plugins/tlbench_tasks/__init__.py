"""Lets Hydra find the config groups of tasks from outside; it finds plugins only in `hydra_plugins`."""
