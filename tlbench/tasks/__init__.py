"""Tasks: one short LightningModule each, on one skeleton."""
