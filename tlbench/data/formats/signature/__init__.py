"""The Signature data set."""
