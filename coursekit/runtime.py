"""Where the numbers are computed, how precisely, and from which seed: decided here and nowhere else.

torch is imported inside the functions, so lessons without a neural network never load it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Precision = Literal["auto", "float32", "bfloat16", "float16"]


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """Choose the device: the first of these four that says something.

    1. the argument;
    2. the environment variable COURSEKIT_DEVICE, for example `cpu` or `cuda:1`;
    3. an accelerator that is there: CUDA, then Apple's MPS;
    4. the CPU.

    Raises:
        ValueError: when the argument or the variable names no device of this machine.
    """
    import torch

    if device is not None:
        return _existing(device, "device")
    if from_environment := os.environ.get("COURSEKIT_DEVICE", "").strip():
        return _existing(from_environment, "COURSEKIT_DEVICE")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def _existing(wanted: str | torch.device, source: str) -> torch.device:
    import torch

    try:
        device = torch.device(wanted)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"{source}={wanted!r} is no device; write 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from error
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    n_gpus = torch.cuda.device_count()
    if not there.get(device.type, True) or (device.type == "cuda" and (device.index or 0) >= n_gpus):
        raise ValueError(
            f"{source}={str(wanted)!r}: this machine has {n_gpus} CUDA devices and "
            f"{'an' if there['mps'] else 'no'} MPS device; leave it out, or say 'cpu'"
        )
    return device


def autocast_dtype(device: str | torch.device, precision: Precision = "auto") -> torch.dtype | None:
    """The type that autocast computes matrix products in, or None for plain float32.

    `auto` means: on CUDA bfloat16 where the hardware has it and float16 (with a gradient scaler) on older
    cards such as Colab's T4; float32 on MPS and CPU, where half precision gains little.

    Raises:
        ValueError: when `precision` is none of the four.
    """
    import torch

    chosen = {"auto": None, "float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if precision not in chosen:
        raise ValueError(f"precision={precision!r}: choose one of {list(chosen)}")
    if precision != "auto" or torch.device(device).type != "cuda":
        return chosen[precision]
    # Emulated bfloat16 runs on a T4 as well, but slower than float32.
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def seed_everything(seed: int) -> None:
    """Seed Python, NumPy's global generator and torch (all devices).

    Same seed, same machine, same versions: the same numbers on the CPU. On a GPU some operations add in
    an order that changes from run to run, so the last digits may differ.

    Raises:
        ValueError: when the seed does not fit into 32 bits (NumPy's limit).
    """
    import torch

    if not 0 <= seed < 2**32:
        raise ValueError(f"seed={seed} must lie between 0 and 2**32 - 1")
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - for students' code that draws from the global generator
    torch.manual_seed(seed)


@contextmanager
def seeded_training(seed: int, device: torch.device) -> Iterator[None]:
    """Train inside the block: on one thread of a CPU, with torch's random numbers from `seed`.

    Afterwards torch's generators stand where they stood, so a model that is fitted does not change what a
    reader draws next.
    """
    import torch

    cuda = [device] if device.type == "cuda" else []
    with cpu_threads(1), torch.random.fork_rng(devices=cuda, device_type="cuda"):
        torch.manual_seed(seed)
        yield


@contextmanager
def cpu_threads(n: int = 1) -> Iterator[None]:
    """Compute with `n` threads of the CPU inside the block, as before afterwards.

    The course's models take one. Their matrices are so small that a second thread makes training 1.1 to 1.2
    times as fast for twice the CPU (`tests/benchmarks/bench_ncf.py --threads`), less where other programs
    run beside it: a class on one server, the two cores of Colab. And sums then do not depend on how many
    cores a machine has. COURSEKIT_THREADS overrides `n`.

    Raises:
        ValueError: when the number of threads is no whole number above 0.
    """
    import torch

    wanted = os.environ.get("COURSEKIT_THREADS", "").strip() or n
    if not str(wanted).isdigit() or int(wanted) < 1:
        raise ValueError(f"{wanted!r} threads: COURSEKIT_THREADS must be a whole number above 0")
    before = torch.get_num_threads()
    torch.set_num_threads(int(wanted))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Take float32 numbers below 1.2e-38 as 0 inside the block, as before afterwards.

    Adam's moving average of a gradient that stays 0 shrinks by a tenth a step: after some 800 steps without
    its item, a row of an embedding table holds such numbers, and a CPU computes with them many times slower
    than with others. On MovieLens-1M with batches of 256 that is a tenth of the tables and a quarter of the
    time of a step (`tests/benchmarks/bench_ncf.py --long`). What is taken as 0 is far too small to move
    a weight, which is why the trained weights stay the same to the last bit. Does nothing on processors
    that know no such mode, nor on a GPU, where they cost nothing.
    """
    import torch

    before = np.float32(1e-40) * np.float32(1) == 0  # torch can set the mode, not read it
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(bool(before))
