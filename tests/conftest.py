"""For all tests: one thread, no waiting for disks, and helpers that can be imported wherever pytest was started."""

import os
import sys
from pathlib import Path

import pytest
import torch

sys.path.append(str(Path(__file__).parents[1]))
torch.set_num_threads(1)
os.fsync = lambda descriptor: None  # what tests write need not survive a power cut

# Files that take long: begun early, none of them is left to one core at the end. Those of puzzles come second, so that
# the first two cores have different kernels to compile.
_LONG = (
    "test_cli", "test_puzzle_kernels", "test_puzzle_features", "test_guided_search", "test_puzzle_generator",
    "test_puzzle_search", "test_puzzle_commands", "test_puzzle_compare", "test_clients", "test_browser", "test_minds",
    "test_live_page", "test_registry", "test_docs", "test_language_model", "test_install", "test_dialogue",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of long files first, otherwise in their order."""
    items.sort(key=lambda item: _LONG.index(item.path.stem) if item.path.stem in _LONG else len(_LONG))
