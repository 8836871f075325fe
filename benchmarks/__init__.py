"""Speed of tlbench as ratios against baselines measured in the same minute; see README.md here."""
