"""Type aliases of NumPy arrays, used in all modules. Docstrings give the shapes."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""An array of any number type."""
FloatArray = np.ndarray[Any, np.dtype[np.float32]]
"""Single precision, as data sets and networks hold numbers."""
DoubleArray = np.ndarray[Any, np.dtype[np.float64]]
"""Double precision, as simulators and statistics compute."""
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]
Frame = np.ndarray[Any, np.dtype[np.uint8]]
"""A picture (height, width, 3): red, green and blue from 0 to 255."""
