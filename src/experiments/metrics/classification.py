"""Metrics of class probabilities.

In: class indices (S,) as floats and probabilities (S, C), all finite. Out: figures.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def confusion(truth: Floats, probabilities: Floats) -> Floats:
    """Return the (C, C) counts of true class (rows) by most probable class (columns)."""
    classes = probabilities.shape[1]
    cell = truth.astype(np.int64) * classes + probabilities.argmax(1)
    counts = np.bincount(cell, minlength=classes * classes).reshape(classes, classes)
    return counts.astype(np.float64)


def accuracy(counts: Floats) -> float:
    """Return the share of cells whose most probable class is the true one."""
    return float(np.trace(counts) / counts.sum())


def majority_accuracy(counts: Floats) -> float:
    """Return the accuracy of always naming the class that is the most frequent in these cells."""
    return float(counts.sum(1).max() / counts.sum())


def balanced_accuracy(counts: Floats) -> float:
    """Return the mean recall of the classes that occur: 1/C for a forecast that knows nothing."""
    occurs = counts.sum(1) > 0
    return float((np.diag(counts)[occurs] / counts.sum(1)[occurs]).mean())


def matthews(counts: Floats) -> float:
    """Return Matthews' correlation, for many classes by Gorodkin (2004); 0 for a constant forecast.

    Examples
    --------
    >>> matthews(np.array([[2.0, 0.0], [0.0, 3.0]]))
    1.0
    """
    true, named, total = counts.sum(1), counts.sum(0), counts.sum()
    above = np.trace(counts) * total - true @ named
    below = (total**2 - named @ named) * (total**2 - true @ true)
    return float(above / math.sqrt(below)) if below > 0 else 0.0


def log_loss(truth: Floats, probabilities: Floats) -> float:
    """Return the mean of -log of the true class's probability, which is clipped at 2.2e-16."""
    eps = np.finfo(np.float64).eps
    chosen = probabilities[np.arange(len(truth)), truth.astype(np.int64)]
    return float(-np.log(np.clip(chosen, eps, 1 - eps)).mean())


def brier(truth: Floats, probabilities: Floats) -> Floats:
    """Return the (S,) squared distances of the probabilities from the outcome (Brier 1950).

    Summed over the classes; with two classes halved, which is the usual (p1 - outcome)^2.
    """
    classes = probabilities.shape[1]
    chosen = probabilities[np.arange(len(truth)), truth.astype(np.int64)]
    # sum over c of (p_c - [c is true])^2, without building the indicators
    distance = (probabilities**2).sum(1) - 2 * chosen + 1
    return np.asarray(np.maximum(distance, 0) / (2 if classes == 2 else 1))


def calibration_error(truth: Floats, probabilities: Floats, bins: int = 10) -> float:
    """Return the expected calibration error of the most probable class (Guo et al. 2017).

    Confidence is cut into `bins` equal bins; within each, the accuracy's distance from the mean
    confidence, weighted by the bin's share of the cells.
    """
    confidence = probabilities.max(1)
    right = (probabilities.argmax(1) == truth).astype(np.float64)
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    gap = np.bincount(place, right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(truth))
