"""`python -m gans`: the command `gans` where it is not installed, and in processes that other tools start."""

import sys

from gans.cli.start import main

if __name__ == "__main__":
    sys.argv[0] = "python -m gans"  # as it is called in the commands that messages propose
    sys.exit(main())
