"""The authors' files of CycleGAN, pix2pix, CUT, StarGAN (v2), DCGAN and MUNIT, turned into checkpoints or back."""
