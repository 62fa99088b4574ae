"""Configurations: files, paths and the arguments of callables; nothing of roles or LiteLLM."""

from dispatch.config.arguments import ReturnType
from dispatch.config.morpher import ConfigMorpher

__all__ = ["ConfigMorpher", "ReturnType"]
