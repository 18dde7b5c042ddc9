"""The authors' files of CycleGAN, pix2pix, CUT, StarGAN, DCGAN and MUNIT, turned into checkpoints or back."""
