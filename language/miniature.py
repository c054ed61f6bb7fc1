"""Four meanings and three ways to name them: languages small enough to score every measure on them by hand."""

import numpy as np

MEANINGS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
COMPOSITIONAL = np.array([[1, 3], [1, 4], [2, 3], [2, 4]])  # each attribute has its own position and symbols
HOLISTIC = np.array([[1, 3], [2, 4], [1, 4], [2, 3]])  # the same words, dealt out anew
CONSTANT = np.array([[1, 3], [1, 3], [1, 3], [1, 3]])  # one word for everything
