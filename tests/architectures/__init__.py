"""A sweep over every architecture that transformers classifies texts or images with, judged by plain torch."""

from architectures.torchvision_import import make_importable

make_importable()  # before transformers looks for torchvision
