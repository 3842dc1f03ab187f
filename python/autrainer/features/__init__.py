"""Sound to features: sampling rates, mel spectrograms, cepstra; by the core, and in torch.

`native` computes with NumPy arrays on the CPU, in Rust; what the transforms and loaders use.
`modules` has the same as torch modules, for batches on any device, with gradients.
"""
