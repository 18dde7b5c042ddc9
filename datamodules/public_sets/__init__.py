"""Public data sets by name: fetched, unpacked and found."""
