"""Losses: pure functions of tensors, each checked against its closed form."""
