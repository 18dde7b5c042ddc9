"""The authors' own files of CycleGAN, pix2pix, StarGAN, DCGAN and MUNIT, turned into checkpoints and back."""
