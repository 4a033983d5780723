"""The forward pass of a model on batches of windows, by PyTorch or OpenVINO."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, Literal

from models.encoders import loading
from models.encoders.device import Device, is_exact

Output = Literal["last_hidden_state", "logits"]


class Forward:
    """Computes one output of a model, such as the states (windows, tokens, width) of an encoder.

    A model that is frozen is compiled by OpenVINO at its first use, if that makes it faster. Within a block of
    `device.exact`, PyTorch computes the output all the same.
    """

    def __init__(self, model: Any, output: Output = "last_hidden_state"):
        self._model = model
        self._output = output
        self._inputs = loading.accepted_inputs(model)
        self._compiles = False
        self._compiled: Any = None

    def __call__(self, batch: Mapping[str, Any]) -> Any:
        inputs = {name: batch[name] for name in self._inputs}
        if not self._compiles or is_exact():
            return getattr(self._model(**inputs), self._output)
        if self._compiled is None:
            from models.encoders.compiled import Compiled

            self._compiled = Compiled(self._model, self._inputs, self._output, bf16=True)
        return self._compiled(inputs)

    def freeze(self, device: Device) -> None:
        """Let the model be compiled for the device: its weights will not change any more."""
        # In fp32, PyTorch is as fast (docs/bench.md).
        self._compiles = device.name == "cpu" and device.bf16 and importlib.util.find_spec("openvino") is not None
