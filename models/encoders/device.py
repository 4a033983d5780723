"""The device that a model runs on, and the precision that it computes in."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

from labels.errors import DemarcheError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "bf16", "fp32"]

# What a layer writes for 1,024 tokens stays in the caches of a processor. With four times as many, MiniLM took 1.3 times
# as long (docs/bench.md). A GPU needs more to be busy.
_TOKENS_ON_CPU, _TOKENS_ON_GPU = 1024, 16_384


_is_exact: ContextVar[bool] = ContextVar("exact", default=False)


@contextlib.contextmanager
def exact() -> Iterator[None]:
    """Compute in fp32 within the block, on every device."""
    token = _is_exact.set(True)
    try:
        yield
    finally:
        _is_exact.reset(token)


def is_exact() -> bool:
    """Return whether this is within a block of `exact`."""
    return _is_exact.get()


@dataclass(frozen=True)
class Device:
    """A device, and whether matrices are multiplied in bfloat16 on it."""

    name: Literal["cpu", "cuda", "mps"]
    bf16: bool

    def __str__(self) -> str:
        return f"{self.name} {'bf16' if self.bf16 else 'fp32'}"

    @property
    def precision(self) -> Precision:
        """The precision setting saved with a model evaluated on this device: fp32 stays fp32, and bf16 becomes auto."""
        return "auto" if self.bf16 else "fp32"

    @property
    def tokens_at_once(self) -> int:
        """The number of tokens that are fastest to read together, padding included."""
        return _TOKENS_ON_CPU if self.name == "cpu" else _TOKENS_ON_GPU

    @contextlib.contextmanager
    def inference(self) -> Iterator[None]:
        """Run the block without gradients, in the device's precision or, within `exact`, in fp32.

        Raises DemarcheError if memory runs out.
        """
        import torch

        bf16 = torch.autocast(self.name, dtype=torch.bfloat16, enabled=self.bf16 and not is_exact())
        advice = "free some memory, or train with a lower max_length"
        with self.enough_memory("reading", advice), torch.inference_mode(), bf16:
            yield

    @contextlib.contextmanager
    def enough_memory(self, what: str, advice: str) -> Iterator[None]:
        """Raise DemarcheError if the block runs out of memory."""
        import torch

        try:
            yield
        except RuntimeError as error:
            # The CPU allocator raises a plain RuntimeError, which only its message identifies.
            if not isinstance(error, torch.OutOfMemoryError) and "DefaultCPUAllocator" not in str(error):
                raise
            raise DemarcheError(f"{what}: out of memory on {self.name}; {advice}") from error


def select_device(name: DeviceName = "auto", precision: Precision = "auto") -> Device:
    """Return the named device, or the fastest available. Raises DemarcheError if it is not available."""
    import torch

    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = "cuda" if available["cuda"] else "mps" if available["mps"] else "cpu"
    elif not available[name]:
        devices = ", ".join(device for device, is_available in available.items() if is_available)
        raise DemarcheError(f"device: {name} is not available (available: {devices}); set device: auto")
    if precision != "auto":
        return Device(name, precision == "bf16")
    if name == "cpu":
        capabilities = torch.cpu.get_capabilities()
        return Device(name, bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16")))
    return Device(name, name == "cuda" and torch.cuda.is_bf16_supported())


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed the global random generators within the block, and restore them after it.

    Initial weights, dropout and the order of examples draw from them.
    """
    import numpy as np
    import torch

    python_state, numpy_state = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)
