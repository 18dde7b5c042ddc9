"""All that was never run on a GPU, checked and measured by one program: `python -m benchmarks.gpu`."""
