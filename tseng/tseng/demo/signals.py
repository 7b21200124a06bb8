"""Building blocks of the simulation: correlated noise, thermal lag, smooth steps; float64 on one even grid."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def _turns(count: int) -> Array:
    """Angular frequency [rad per step] of each Fourier component of `count` samples."""
    turns: Array = (2 * np.pi) * np.fft.rfftfreq(count).astype(np.float64)
    return turns


def lagged(values: Array, lag: float) -> Array:
    """Pass through a first-order lag, as the inside of a body follows its surface.

    Args:
        values: shape (n,), taken as periodic (two whole years of weather nearly are).
        lag: time constant [steps].

    Returns:
        shape (n,): mean kept, fast changes damped and late.
    """
    response = 1 / (1 + 1j * _turns(len(values)) * lag)
    smooth: Array = np.fft.irfft(np.fft.rfft(values) * response, len(values))
    return smooth


def noise(rng: np.random.Generator, count: int, memory: float, spread: float) -> Array:
    """Gaussian noise, mean 0, standard deviation `spread`, correlated over `memory` [steps]; shape (count,)."""
    coloured = lagged(rng.standard_normal(count), memory)
    scaled: Array = (coloured - coloured.mean()) * (spread / coloured.std())
    return scaled


def response(impulses: Array, decay: float) -> Array:
    """Sum of what each impulse leaves behind, dying off over `decay` [steps]; causal; shape (n,)."""
    count = len(impulses)
    kernel = np.exp(-np.arange(count) / decay)
    spectrum = np.fft.rfft(impulses, 2 * count) * np.fft.rfft(kernel, 2 * count)
    summed: Array = np.fft.irfft(spectrum, 2 * count)[:count]
    return summed


def smooth_step(position: Array, width: float) -> Array:
    """Rise from 0 to 1 around position 0, most of it within +- 2 `width`; shape (n,)."""
    risen: Array = 0.5 * (1 + np.tanh(position / width))
    return risen
