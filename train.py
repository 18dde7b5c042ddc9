"""The front door of a source checkout: `python train.py fit --config cyclegan.yaml`."""

import sys

from gans.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
