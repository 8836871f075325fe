"""What a run is and what it leaves: training, record, folder, checkpoints."""
