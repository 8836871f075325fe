"""Where a run's curves go beside the record: `curves.csv`, TensorBoard, Weights & Biases, MLflow."""
