"""Sweeps: a recipe and a search space in; the best recipe by its validation loss, trained, out.

Trials live in an Optuna study that any number of processes may share and that no kill can spoil.
"""
