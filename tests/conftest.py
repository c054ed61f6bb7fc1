"""For all tests: one thread, and helpers that can be imported wherever pytest was started."""

import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[1]))
torch.set_num_threads(1)
