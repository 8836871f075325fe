"""How the source's weights are adapted to the target: parameter groups, learning-rate scales, schedules."""
