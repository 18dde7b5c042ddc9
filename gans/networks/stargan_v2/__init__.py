"""The networks of StarGAN v2 (Choi et al. 2020, arXiv:1912.01865): one generator in any style of any domain.

A style is a vector that steers the generator. The mapping network makes it of noise, the style encoder reads
it off a picture; both have a head for each domain, as has the discriminator. Tensors are in the authors'
order. Their high-pass filter is a constant here and no part of the state.
"""
