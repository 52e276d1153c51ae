"""Backbones: an image in, feature maps out."""

from segcore.backbones.resnet import ResNet, resnet18, resnet34, resnet50, resnet101
from segcore.backbones.vgg import VGG16, vgg16

__all__ = [
    "VGG16",
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "vgg16",
]
