"""Chance in a run: one seed, and from it a stream for each purpose, so that one more draw here moves nothing there.

Streams are made anew from seed, purpose and generation wherever they are needed. A checkpoint therefore holds every
stream of chance by holding the seed and the generation.
"""

from __future__ import annotations

import zlib

import numpy as np
import torch


def stream(seed: int, *purpose: object) -> np.random.Generator:
    """The generator for one purpose, for example stream(7, "select", generation)."""
    key = tuple(zlib.crc32(str(part).encode()) for part in purpose)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def torch_stream(seed: int, *purpose: object, device: str = "cpu") -> torch.Generator:
    """The same for torch."""
    generator = torch.Generator(device=device)
    generator.manual_seed(int(stream(seed, *purpose).integers(2**63)))
    return generator
