"""What watches a training from outside: pictures and metrics. Variants are known by `gans.protocol` only."""
