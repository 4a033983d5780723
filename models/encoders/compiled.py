"""Models compiled by OpenVINO (the extra `openvino`)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch


class Compiled:
    """Computes one output of a model on a processor, for batches of any shape.

    `bf16`: in bfloat16, if the processor multiplies it.
    """

    def __init__(self, model: Any, inputs: Sequence[str], output: str, *, bf16: bool):
        import openvino

        # One window is shorter than the other: without padding, the tracer would leave the mask out.
        example = {name: torch.zeros(2, 16, dtype=torch.long) for name in inputs}
        example["attention_mask"][0], example["attention_mask"][1, :9] = 1, 1
        with warnings.catch_warnings(), torch.no_grad(), torch.autocast("cpu", enabled=False):
            warnings.simplefilter("ignore")  # of the tracer, on what it takes to be constant
            converted = openvino.convert_model(_OneOutput(model, inputs, output), example_input=tuple(example.values()))
        self._inputs = list(inputs)
        hints = {
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            # As many as PyTorch: several processes share the cores.
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        self._model = openvino.Core().compile_model(converted, "CPU", hints)

    def __call__(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.from_numpy(self._model([batch[name].numpy() for name in self._inputs])[0])


class _OneOutput(torch.nn.Module):
    """A model with positional inputs and one output."""

    def __init__(self, model: Any, inputs: Sequence[str], output: str):
        super().__init__()
        self.model, self.inputs, self.output = model, inputs, output

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = getattr(self.model(**dict(zip(self.inputs, tensors, strict=True))), self.output)
        return output
