"""Networks: plain `nn.Module`s that know nothing of losses, optimisers or Lightning."""
