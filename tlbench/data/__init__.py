"""The target's data: reading, splitting, and batches augmented on the device."""
