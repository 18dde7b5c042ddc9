"""The authors' files of CycleGAN, pix2pix, CUT, StarGAN (v2), DCGAN, MUNIT: to checkpoints and back."""
