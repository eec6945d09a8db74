"""The commands of ``train.py``, a module each: ``arguments`` says what may be typed, ``run`` does it and returns the exit code."""
