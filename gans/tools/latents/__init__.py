"""The latent space of a trained variant, explored: each command draws a picture and keeps its latents.

Commands know a variant by `gans.protocol.HasLatent` alone, and work in Python too:

    decoder = open_decoder("runs/dcgan/DATE/checkpoints/last.ckpt")
    written = write(walks.interpolate(decoder, seeds=[1, 2]), decoder, Path("walk"))
"""
