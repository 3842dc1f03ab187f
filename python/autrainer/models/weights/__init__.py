"""Pretrained weights: their files, and how they get into a model."""
