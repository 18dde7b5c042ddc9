"""The authors' files of CycleGAN, pix2pix, CUT, StarGAN, DCGAN, MUNIT, StyleGAN2, R3GAN, turned into checkpoints or back."""
