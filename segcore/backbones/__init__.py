"""Backbones: an image in, feature maps out."""

from segcore.backbones.vgg import VGG16, vgg16

__all__ = ["VGG16", "vgg16"]
