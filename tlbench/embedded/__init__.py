"""What comes with the package, and stands in for what cannot be reached."""
