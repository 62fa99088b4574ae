"""Configurations: files, paths, and the arguments that a callable takes. Knows nothing of roles."""

from dispatch.config.arguments import ReturnType
from dispatch.config.morpher import ConfigMorpher

__all__ = ["ConfigMorpher", "ReturnType"]
