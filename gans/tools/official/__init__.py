"""The authors' files turned into checkpoints or back."""
