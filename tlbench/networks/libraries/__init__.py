"""Networks of torchvision, timm and ultralytics, and of the user's own."""
