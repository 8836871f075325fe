"""What a trained network makes of corrupted images."""
