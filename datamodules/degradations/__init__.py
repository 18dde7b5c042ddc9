"""How Real-ESRGAN makes a small, spoilt image of a sharp one (Wang et al. 2021, arXiv:2107.10833)."""
