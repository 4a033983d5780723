"""Fine-tuning with transformers' Trainer: batches of similar length, checkpoints, early stopping."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy.typing as npt
import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.utils.checkpoint import checkpoint

from labels.errors import DemarcheError, one_line
from models.encoders import windows
from models.encoders.device import Device, seeded
from models.encoders.settings import FinetuneSettings
from models.examples import TrainingCallback

SCORE = "score"
_STATE = "trainer_state.json"
_WEIGHTS = "model.safetensors"
_HEAD_RATE = 10.0  # times the learning rate, for parameters that are not pretrained


@dataclass(frozen=True)
class Task:
    """The task that a net is trained on.

    `sizes` holds the number of tokens of each example. `batch` makes tensors from the positions of examples, and `loss`
    computes a scalar from the net and a batch. `evaluate` returns dev metrics, including `score` (higher is better); it
    is None if there is no dev.
    """

    name: str
    sizes: Sequence[int]
    batch: Callable[[Sequence[int]], dict[str, Any]]
    loss: Callable[[Any, dict[str, Any]], Any]
    evaluate: Callable[[], Mapping[str, float]] | None


def finetune(
    net: torch.nn.Module,
    task: Task,
    settings: FinetuneSettings,
    *,
    device: Device,
    seed: int,
    key: str,
    callback: TrainingCallback,
) -> None:
    """Train the net in place, and keep the weights of the best epoch on dev, or of the last epoch without dev.

    `key` identifies everything that the result depends on: interrupted training resumes from the last complete
    checkpoint with the same key. Raises DemarcheError if a checkpoint cannot be written or memory runs out.
    """
    with ExitStack() as stack:
        stack.enter_context(seeded(seed))
        checkpoints = callback.checkpoints(key)
        folder = checkpoints or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demarche-")))
        last = _last_checkpoint(folder)
        if last is not None and _is_finished(last, settings):
            net.load_state_dict(load_file(_best(last, has_dev=task.evaluate is not None) / _WEIGHTS))
            return
        progress = _Progress(task, callback, settings.patience)
        trainer = _Trainer(
            task,
            model=net,
            args=_arguments(
                folder, settings, device, seed=seed, resumable=checkpoints is not None, has_dev=progress.has_dev
            ),
            train_dataset=datasets.Dataset.from_dict({"row": range(len(task.sizes)), "length": list(task.sizes)}),
            eval_dataset=[] if task.evaluate else None,  # the Trainer wants one, but the task evaluates
            data_collator=lambda rows: task.batch([row["row"] for row in rows]),
            callbacks=[progress],
            optimizers=(_optimizer(net, settings), None),
        )
        trainer.remove_callback(transformers.PrinterCallback)
        try:
            with device.enough_memory(task.name, "lower max_length or batch_size"):
                trainer.train(resume_from_checkpoint=str(last) if last else None)
        except (OSError, RuntimeError, SafetensorError) as error:
            if not progress.is_saving:
                raise
            reason = one_line(str(error).strip().partition("\n")[0])
            raise DemarcheError(
                f"{folder}: the checkpoint cannot be written ({reason}); free some space, or set DEMARCHE_CACHE to "
                "another folder, and start again: training resumes from the previous checkpoint"
            ) from error
        for file in folder.glob("checkpoint-*/optimizer.pt"):
            file.unlink()  # twice the size of the weights, and not needed after training


def forward_in_parts(net: Any, batch: Mapping[str, torch.Tensor], *more: Any) -> torch.Tensor:
    """Apply the net to the windows of a step, in parts if they do not fit in memory together.

    The backward pass computes each part again (gradient checkpointing).
    """
    rows, width = batch["input_ids"].shape
    size = windows.windows_per_batch(width)
    # On Apple GPUs, the second pass would draw different dropout masks.
    if rows <= size or batch["input_ids"].device.type == "mps":
        logits: torch.Tensor = net(batch, *more)
        return logits
    parts = [{name: batch[name][start : start + size] for name in batch} for start in range(0, rows, size)]
    return torch.cat([checkpoint(net, part, *more, use_reentrant=False) for part in parts])


def training_key(*parts: Any, arrays: Sequence[npt.NDArray[Any]] = ()) -> str:
    """Return a key that changes with anything that the result of the training depends on."""
    digest = hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()[:24]


class _Trainer(transformers.Trainer):
    """A Trainer that takes the loss and the dev metrics from a task."""

    control: Any

    def __init__(self, task: Task, **arguments: Any):
        super().__init__(**arguments)
        self.task = task
        self.losses: list[torch.Tensor] = []

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        loss = self.task.loss(model, inputs)
        self.losses.append(loss.detach())
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        assert self.task.evaluate is not None
        epoch = {"loss": float(torch.stack(self.losses).mean()), **self.task.evaluate()}
        self.losses.clear()
        self.model.train()
        metrics = {f"eval_{name}": value for name, value in epoch.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class _Progress(transformers.TrainerCallback):
    """A callback that reports progress, and stops training when dev has not improved for long enough."""

    def __init__(self, task: Task, callback: TrainingCallback, patience: int):
        self.name, self.callback, self.patience = task.name, callback, patience
        self.has_dev = task.evaluate is not None
        self.is_saving = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.callback.step(self.name, done=state.global_step, total=state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.callback.step(self.name, done=state.global_step, total=state.max_steps)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.is_saving = not self.has_dev

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        epoch = {name.removeprefix("eval_"): metrics[name] for name in metrics if name.startswith("eval_")}
        epoch.pop(SCORE)
        self.callback.epoch(self.name, round(state.epoch), epoch)
        if _epochs_since_best(state.log_history) >= self.patience:
            control.should_training_stop = True
        self.is_saving = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.is_saving = False


def _optimizer(net: torch.nn.Module, settings: FinetuneSettings) -> torch.optim.Optimizer:
    """Return AdamW with a higher learning rate for the head, and without weight decay of biases and norms."""
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        groups.setdefault((name.startswith("encoder."), parameter.dim() > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "lr": settings.learning_rate * (1 if is_pretrained else _HEAD_RATE),
                "weight_decay": settings.weight_decay if is_matrix else 0.0,
            }
            for (is_pretrained, is_matrix), parameters in groups.items()
        ],
        fused=True,
    )


def _arguments(
    folder: Path, settings: FinetuneSettings, device: Device, *, seed: int, resumable: bool, has_dev: bool
) -> transformers.TrainingArguments:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        use_cpu=device.name == "cpu",
        bf16=device.bf16,
        seed=seed,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        eval_strategy="epoch" if has_dev else "no",
        save_strategy="epoch" if has_dev or resumable else "no",
        save_only_model=not resumable,
        save_total_limit=1,
        load_best_model_at_end=has_dev,
        metric_for_best_model=SCORE,
        greater_is_better=True,
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
    )
    # With several GPUs, each would get its own batch, and the same config would give a different model.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the latest complete checkpoint (its state is written last), and delete incomplete ones."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            _read_state(path)
            whole.append(path)
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
    return max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def _read_state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    return state


def _is_finished(checkpoint: Path, settings: FinetuneSettings) -> bool:
    state = _read_state(checkpoint)
    return state["global_step"] >= state["max_steps"] or _epochs_since_best(state["log_history"]) >= settings.patience


def _best(checkpoint: Path, *, has_dev: bool) -> Path:
    best = _read_state(checkpoint)["best_global_step"] if has_dev else None
    return checkpoint if best is None else checkpoint.with_name(f"checkpoint-{best}")


def _epochs_since_best(history: Sequence[Mapping[str, float]]) -> int:
    scores = [entry[f"eval_{SCORE}"] for entry in history if f"eval_{SCORE}" in entry]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0
