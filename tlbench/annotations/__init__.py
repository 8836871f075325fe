"""What is known of an image: a label, instances, a class map; each kind in a folder of its own."""
