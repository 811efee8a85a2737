"""Readers of minutes, each for one way of writing them; `nlp.components.durations` runs them in order."""
