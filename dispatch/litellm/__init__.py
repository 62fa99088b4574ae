"""The interface to LiteLLM: known keys, the Router, its proxy, and offline checks."""
