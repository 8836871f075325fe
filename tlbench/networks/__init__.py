"""Plain networks and their layer groups. Nothing here knows of Lightning."""
