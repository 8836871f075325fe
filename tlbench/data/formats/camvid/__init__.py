"""The CamVid data set."""
