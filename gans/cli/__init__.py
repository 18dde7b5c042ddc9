"""The command line: one LightningCLI for all variants, and what a run leaves behind."""
