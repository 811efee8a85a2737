"""One module a step, ``rNNNN_what.py``, never edited after it was released."""
