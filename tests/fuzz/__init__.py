"""Fuzzing: whatever a file or a list holds, nothing but this package's errors comes out.

Bounded in `tests/test_fuzz.py`. For longer, with coverage to guide it, where atheris installs::

    pip install atheris
    python -m tests.fuzz.longer -max_total_time=3600
"""
