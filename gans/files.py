"""Files that are whole or absent, and the cache folder: what `datamodules.disk` has for all of us."""

from __future__ import annotations

from datamodules.disk import LONGEST_NAME as LONGEST_NAME
from datamodules.disk import cache_folder as cache_folder
from datamodules.disk import clear_partial as clear_partial
from datamodules.disk import errors_naming as errors_naming
from datamodules.disk import shortened as shortened
from datamodules.disk import written_whole as written_whole
