"""The machinery of training: image history, schedules, several processes, checkpoints."""
