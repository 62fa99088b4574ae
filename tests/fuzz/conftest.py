"""What pytest leaves alone here."""

collect_ignore = ["longer.py"]  # it needs atheris, and is no test
