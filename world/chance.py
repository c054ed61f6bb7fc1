"""Chance inside worlds: a counter-based generator, so that world number n is the same world on every machine.

SplitMix64 (Steele, Lea and Flood 2014, https://doi.org/10.1145/2714064.2660195): the state is one 64-bit number,
started from a hash of scenario, split and world number, so that no world depends on the batch it is made in.
"""

from __future__ import annotations

import zlib

import numpy as np

from world.compiling import njit

_GAMMA = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True)
def _mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def next_bits(state):
    """64 fresh bits; `state` (1,) uint64 is moved on."""
    state[0] += _GAMMA
    return _mix(state[0])


@njit(cache=True)
def below(state, limit):
    """A whole number in [0, limit), limit < 2^31 (its bias of less than limit / 2^32 is accepted)."""
    return np.int64(((next_bits(state) >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32))


@njit(cache=True)
def start_state(number, salt):
    """The generator's start state for one world number; the salt is that of the purpose."""
    return _mix(_mix(np.uint64(number) + _GAMMA) ^ salt)


@njit(cache=True)
def _start_states(numbers, salt):
    states = np.empty(len(numbers), np.uint64)
    for n in range(len(numbers)):
        states[n] = start_state(numbers[n], salt)
    return states


def salt_of(*purpose: str) -> np.uint64:
    """A number for a purpose, so that the worlds of different purposes do not touch each other."""
    salt = 0
    for part in purpose:
        salt = (salt * 0x100000001B3 + zlib.crc32(part.encode())) % 2**64
    return np.uint64(salt)


def start_states(numbers: np.ndarray, *purpose: str) -> np.ndarray:
    """The generator's start state for each world number (B,), as (B,) uint64."""
    return _start_states(np.ascontiguousarray(numbers, np.int64), salt_of(*purpose))
