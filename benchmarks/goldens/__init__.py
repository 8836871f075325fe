"""Whether two commits do the same, bit for bit, on one machine: each experiment in small, and files of each format."""
