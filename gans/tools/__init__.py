"""Commands beside training: one config over several seeds, and tables of several configs."""
