"""Command lines: options of the tools, exit codes, what a command does before anything heavy is imported."""
