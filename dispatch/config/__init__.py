"""Configurations: files, paths, and the arguments that a callable takes. Knows nothing of roles."""

from dispatch.config.morpher import OWN_KEYS, ConfigMorpher, ReturnType

__all__ = ["OWN_KEYS", "ConfigMorpher", "ReturnType"]
