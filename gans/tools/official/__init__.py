"""The authors' files of their networks, turned into checkpoints or back."""
