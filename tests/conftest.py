"""For all tests: one thread, no waiting for disks, and helpers that can be imported wherever pytest was started."""

import os
import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parents[1]))
torch.set_num_threads(1)
os.fsync = lambda descriptor: None  # what tests write need not survive a power cut
