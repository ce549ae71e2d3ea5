"""Chance: how its outcomes are declared, and the counter-based streams that they are drawn from.

A stream is keyed by a lane's seed, its episode and the step (SplitMix64), never by the number of
the lane: trajectories do not depend on the number of environments, threads or workers.
"""

import contextlib
import itertools
import math
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safegrid.engine.compiling import njit

SEED = "seed"  # a declared chance whose outcome is 63 random bits
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
LOW = np.uint64(2**32 - 1)
CERTAIN, CHOICE, INDEPENDENT, WORD = range(4)  # kinds of chance
ENUMERABLE = 4096  # most outcomes of a chance that can be listed
ROLES = ("train", "evaluate", "policy")


class Independent(NamedTuple):
    """Independent coin flips: the outcome is a bit mask, bit i set with the given probability."""

    flips: int
    probability: float


class Chance(NamedTuple):
    """A distribution over outcomes as the compiled loops take it.

    The thresholds of a CHOICE are cumulative probabilities times 2**53; the one threshold of
    INDEPENDENT flips is their probability times 2**32.
    """

    kind: int
    flips: int
    thresholds: NDArray[np.uint64]


def mix_words(x: Any) -> Any:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014, figure 16)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


mix = njit(mix_words)


@njit
def stream(seed, episode):
    """The key uint64 of an episode's stream, from the lane's seed and the episode's number."""
    return mix(mix(seed + GOLDEN) + (episode + np.uint64(1)) * GOLDEN)


@njit
def word(key, step):
    """The 64 random bits of one step from a stream's key; step 0 is the reset."""
    return mix(key + (np.uint64(step) + np.uint64(1)) * GOLDEN)


@njit
def uniform(key, number):
    """Uniform draw number `number` of the stream of a 64-bit key, float64 in [0, 1)."""
    return np.float64(word(np.uint64(key), number) >> np.uint64(11)) * 2.0**-53


@njit
def draw(chance, key, step):
    """The outcome int64 of a `Chance` in one step of the stream `key`; step 0 is the reset."""
    if chance.kind == CERTAIN:
        return np.int64(0)
    bits = word(key, step)
    if chance.kind == CHOICE:
        outcome = np.int64(0)
        for k in range(chance.thresholds.size - 1):
            outcome += (bits >> np.uint64(11)) >= chance.thresholds[k]
        return outcome
    if chance.kind == WORD:
        return np.int64(bits >> np.uint64(1))
    mask = np.int64(0)
    for first in range(0, chance.flips, 16):
        mask |= flip(bits, first, chance.thresholds[0]) << first
    return mask & ((np.int64(1) << chance.flips) - 1)


@njit
def flip(bits, first, threshold):
    """A mask of flips `first` to `first` + 15, each decided by 32 bits of a step's stream."""
    mask = np.int64(0)
    for pair in range(8):
        two = word(bits, (first >> 1) + pair)
        mask |= np.int64((two >> np.uint64(32)) < threshold) << (2 * pair)
        mask |= np.int64((two & LOW) < threshold) << (2 * pair + 1)
    return mask


@njit
def draw_flips(chance, records, bits, masks):
    """What `draw` gives of INDEPENDENT flips, for all lanes in loops that the compiler vectorises.

    records: of the lanes, which step next. bits: uint64[lanes], scratch. masks: int64[lanes],
    filled with the outcomes.
    """
    threshold, everyone = chance.thresholds[0], (np.int64(1) << chance.flips) - 1
    for i in range(records.size):
        bits[i] = word(records[i].stream, records[i].elapsed + 1)
        masks[i] = 0
    for first in range(0, chance.flips, 16):
        for i in range(bits.size):
            masks[i] |= (flip(bits[i], first, threshold) << first) & everyone


def count_outcomes(chance: Any) -> int:
    """How many outcomes a declared chance has."""
    if chance is None:
        return 1
    if isinstance(chance, Mapping):
        return len(chance)
    return 2**63 if chance == SEED else 2**chance.flips


def list_outcomes(chance: Any) -> list[tuple[int, float]] | None:
    """The possible outcomes of a declared chance with their probabilities.

    None for more than ENUMERABLE.
    """
    if chance is None:
        return [(0, 1.0)]
    if isinstance(chance, Mapping):
        return [(i, float(p)) for i, p in enumerate(chance.values()) if p > 0]
    if count_outcomes(chance) > ENUMERABLE:
        return None
    flips, p = chance
    listed = ((mask, mask.bit_count()) for mask in range(2**flips))
    return [(m, q) for m, ones in listed if (q := p**ones * (1 - p) ** (flips - ones)) > 0]


def encode_chance(chance: Any) -> Chance:
    """A declared chance as the compiled loops take it."""
    if chance is None:
        return Chance(CERTAIN, 0, np.zeros(0, np.uint64))
    if isinstance(chance, Independent):
        threshold = np.array([round(chance.probability * 2**32)], np.uint64)
        return Chance(INDEPENDENT, chance.flips, threshold)
    if isinstance(chance, Mapping):
        cumulative = np.array(list(itertools.accumulate(chance.values())))
        thresholds = np.round(cumulative * 2.0**53).astype(np.uint64)
        last = max(i for i, p in enumerate(chance.values()) if p > 0)
        thresholds[last:] = 2**53  # the rounded sum of the probabilities may be less than 1
        return Chance(CHOICE, 0, thresholds)
    return Chance(WORD, 0, np.zeros(0, np.uint64))


def derive_seeds(seed: int, role: str, count: int = 1) -> NDArray[np.uint64]:
    """uint64[count] seeds of one role, derived from one seed.

    Training, evaluation and the policy's own draws have different ROLES, so that no random number
    is used for two of them. ValueError for a seed that is not a whole number, 0 or more.
    """
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed is {seed!r}: choose a whole number, 0 or more")
    sequence = np.random.SeedSequence(seed, spawn_key=(ROLES.index(role),))
    return sequence.generate_state(count, np.uint64)  # type: ignore[return-value]


@contextlib.contextmanager
def keep_global_generators() -> Iterator[None]:
    """Puts Python's, NumPy's and torch's global generators back after the block.

    If torch was imported in the block, its generators get random seeds, as an import gives them.
    """
    before = generator_states()
    try:
        yield
    finally:
        set_generator_states(before)


def generator_states() -> tuple[Any, Any, Any]:
    """The states of Python's, NumPy's and torch's global generators, for `set_generator_states`."""
    return random.getstate(), np.random.get_state(), _torch_states()


def set_generator_states(states: tuple[Any, Any, Any]) -> None:
    """Puts the global generators into the states that `generator_states` gave."""
    random.setstate(states[0])
    np.random.set_state(states[1])
    _set_torch_states(states[2])


def _torch_states() -> tuple[Any, Any] | None:
    """The states of torch's generators: the processor's and all GPUs', where they are in use."""
    if (torch := sys.modules.get("torch")) is None:
        return None
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return torch.get_rng_state(), cuda


def _set_torch_states(states: tuple[Any, Any] | None) -> None:
    if (torch := sys.modules.get("torch")) is None:
        return
    cpu, cuda = states or (None, None)
    if cpu is None:
        torch.default_generator.seed()
    else:
        torch.set_rng_state(cpu)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    elif torch.cuda.is_initialized():
        torch.cuda.seed_all()


def check_declared(declared: Any, what: str) -> None:
    """ValueError for what declares no chance: see `RESET_CHANCE` of an environment's contract."""
    if isinstance(declared, Mapping):
        values = [float(value) for value in declared.values()]
        if not values or min(values) < 0 or abs(math.fsum(values) - 1) > 1e-9:
            shown = ", ".join(f"{key} {value:g}" for key, value in declared.items())
            raise ValueError(f"{what} is {shown}: probabilities must sum to 1, none negative")
    elif isinstance(declared, Independent):
        if not (0 <= declared.flips <= 62 and 0 <= declared.probability <= 1):
            raise ValueError(f"{what} is {declared}: it needs 0 to 62 flips, a probability 0 to 1")
    elif declared is not None and declared != SEED:
        raise ValueError(
            f"{what} is {declared!r}: it must be a table of probabilities, Independent or SEED"
        )
