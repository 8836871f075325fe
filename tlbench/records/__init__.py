"""What a run leaves: its record, the files beside it, and how they are read again; nothing here knows a task."""
