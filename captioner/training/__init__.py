"""Keras 3: the only room that imports keras or tensorflow."""
