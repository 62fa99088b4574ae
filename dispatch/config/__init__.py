"""Configurations: files, paths, and the arguments that a callable takes. Knows nothing of roles."""

from dispatch.config.callables import OWN_KEYS
from dispatch.config.morpher import ConfigMorpher, ReturnType

__all__ = ["OWN_KEYS", "ConfigMorpher", "ReturnType"]
