"""The machinery of training: image history, schedules, strategy for several processes, checkpoints, seeding."""
