"""Backbones: an image in, feature maps out."""

from segcore.backbones.resnet import (
    ResNet,
    named,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
)
from segcore.backbones.vgg import VGG16, vgg16, vgg16_large_fov

__all__ = [
    "VGG16",
    "ResNet",
    "named",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "vgg16",
    "vgg16_large_fov",
]
