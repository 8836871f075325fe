"""What a user brings to tlbench; nothing in tlbench knows of it."""
