"""The papers' training steps in the most direct PyTorch: what the framework is measured against."""
