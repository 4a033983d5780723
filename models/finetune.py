"""Training an encoder further on transformers' Trainer: batches of like length, checkpoints, early stopping."""

from __future__ import annotations

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
from models import windows
from models.encoders import Machine, seeded
from models.examples import Watch
from models.settings import Finetuned

_STATE = "trainer_state.json"
_WEIGHTS = "model.safetensors"
SCORE = "score"
_NEW = 10.0  # times the learning rate, for what is not pretrained


@dataclass(frozen=True)
class Task:
    """What a net is trained to do.

    `sizes`: tokens of each example. `batch` makes tensors of the examples at the positions given, `loss` a
    scalar of net and batch. `judge` gives dev figures, among them `score`, the higher the better; None
    where there is no dev.
    """

    name: str
    sizes: Sequence[int]
    batch: Callable[[Sequence[int]], dict[str, Any]]
    loss: Callable[[Any, dict[str, Any]], Any]
    judge: Callable[[], Mapping[str, float]] | None


def finetune(
    net: torch.nn.Module, task: Task, settings: Finetuned, *, machine: Machine, seed: int, key: str, watch: Watch
) -> None:
    """Trains the net in place; the weights of the best epoch on dev are kept, or of the last without dev.

    `key` is of all that the outcome hangs on: training that was killed goes on from the last whole checkpoint of
    the same key. Raises DemarcheError where a checkpoint cannot be written or memory runs out.
    """
    with ExitStack() as stack:
        stack.enter_context(seeded(seed))
        kept = watch.checkpoints(key)
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demarche-")))
        last = _last_checkpoint(folder)
        if last is not None and _over(last, settings):
            net.load_state_dict(load_file(_best(last, judged=task.judge is not None) / _WEIGHTS))
            return
        trainer = _Trainer(
            task,
            model=net,
            args=_arguments(folder, settings, machine, seed=seed, resumable=kept is not None, judged=bool(task.judge)),
            train_dataset=datasets.Dataset.from_dict({"row": range(len(task.sizes)), "length": list(task.sizes)}),
            eval_dataset=[] if task.judge else None,  # asked for, but it is the task that judges
            data_collator=lambda rows: task.batch([row["row"] for row in rows]),
            callbacks=[_Told(task.name, watch, settings.patience)],
        )
        trainer.remove_callback(transformers.PrinterCallback)
        with machine.enough_memory(task.name, "lower max_length or batch_size"):
            trainer.train(resume_from_checkpoint=str(last) if last else None)
        for file in folder.glob("checkpoint-*/optimizer.pt"):
            file.unlink()  # twice the weights, and of no use to what is over


def in_parts(net: Any, batch: Mapping[str, torch.Tensor], *given: Any) -> torch.Tensor:
    """What the net makes of the windows of a step.

    Of more than fit into memory some at a time: the backward pass computes each part anew.
    """
    rows, width = batch["input_ids"].shape
    few = windows.at_once(width)
    # On Apple's GPUs dropout would not be drawn again as it was.
    if rows <= few or batch["input_ids"].device.type == "mps":
        found: torch.Tensor = net(batch, *given)
        return found
    parts = [{name: batch[name][start : start + few] for name in batch} for start in range(0, rows, few)]
    return torch.cat([checkpoint(net, part, *given, use_reentrant=False) for part in parts])


class _Trainer(transformers.Trainer):
    control: Any

    def __init__(self, task: Task, **arguments: Any):
        super().__init__(**arguments)
        self.task = task
        self.losses: list[torch.Tensor] = []

    def create_optimizer(self, *_: Any, **__: Any) -> Any:
        """Parameters of the encoder go on from where they are; those that begin with nothing learn faster."""
        decayed = set(self.get_decay_parameter_names(self.model))
        groups: dict[tuple[bool, bool], list[Any]] = {}
        for name, parameter in self.model.named_parameters():
            groups.setdefault((name.startswith("encoder."), name in decayed), []).append(parameter)
        self.optimizer = torch.optim.AdamW(
            [
                {
                    "params": parameters,
                    "lr": self.args.learning_rate * (1 if pretrained else _NEW),
                    "weight_decay": self.args.weight_decay if decays else 0.0,
                }
                for (pretrained, decays), parameters in groups.items()
            ],
            fused=True,
        )
        return self.optimizer

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> Any:
        loss = self.task.loss(model, inputs)
        self.losses.append(loss.detach())
        return loss

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        assert self.task.judge is not None
        figures = {"loss": float(torch.stack(self.losses).mean()), **self.task.judge()}
        self.losses.clear()
        self.model.train()
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        try:
            super()._save_checkpoint(model, trial)
        except (OSError, RuntimeError, SafetensorError) as error:
            what = one_line(str(error).strip().partition("\n")[0])
            raise DemarcheError(
                f"{self.args.output_dir}: the checkpoint cannot be written ({what}); make room, or name another place "
                "in DEMARCHE_CACHE, and start again: training goes on from the checkpoint before"
            ) from error


class _Told(transformers.TrainerCallback):
    """Tells the watch, and stops when dev has not become better for long enough."""

    def __init__(self, name: str, watch: Watch, patience: int):
        self.name, self.watch, self.patience = name, watch, patience

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.watch.step(self.name, done=state.global_step, total=state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.watch.step(self.name, done=state.global_step, total=state.max_steps)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        figures = {name.removeprefix("eval_"): metrics[name] for name in metrics if name.startswith("eval_")}
        figures.pop(SCORE)
        self.watch.epoch(self.name, round(state.epoch), figures)
        if _stale(state.log_history) >= self.patience:
            control.should_training_stop = True


def _arguments(
    folder: Path, settings: Finetuned, machine: Machine, *, seed: int, resumable: bool, judged: bool
) -> transformers.TrainingArguments:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup_steps=settings.warmup,
        optim="adamw_torch_fused",
        use_cpu=machine.device == "cpu",
        bf16=machine.bf16,
        seed=seed,
        train_sampling_strategy="group_by_length",
        remove_unused_columns=False,
        eval_strategy="epoch" if judged else "no",
        save_strategy="epoch" if judged or resumable else "no",
        save_only_model=not resumable,
        save_total_limit=1,
        load_best_model_at_end=judged,
        metric_for_best_model=SCORE,
        greater_is_better=True,
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
    )
    # Several GPUs would make a batch of each: another model from the same config.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def _last_checkpoint(folder: Path) -> Path | None:
    """The latest that is whole: its state is written last. Those cut short by a kill are thrown away."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        try:
            json.loads((path / _STATE).read_text(encoding="utf-8"))
            whole.append(path)
        except (OSError, ValueError):
            shutil.rmtree(path, ignore_errors=True)
    return max(whole, key=lambda path: int(path.name.removeprefix("checkpoint-")), default=None)


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    return state


def _over(checkpoint: Path, settings: Finetuned) -> bool:
    state = _state(checkpoint)
    return state["global_step"] >= state["max_steps"] or _stale(state["log_history"]) >= settings.patience


def _best(checkpoint: Path, *, judged: bool) -> Path:
    best = _state(checkpoint)["best_global_step"] if judged else None
    return checkpoint if best is None else checkpoint.with_name(f"checkpoint-{best}")


def _stale(history: Sequence[Mapping[str, float]]) -> int:
    """Epochs since the best one."""
    scores = [entry[f"eval_{SCORE}"] for entry in history if f"eval_{SCORE}" in entry]
    return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def train_key(*parts: Any, arrays: Sequence[npt.NDArray[Any]] = ()) -> str:
    """A name for a training, of all that its outcome hangs on."""
    import hashlib

    seen = hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))
    for array in arrays:
        seen.update(array.tobytes())
    return seen.hexdigest()[:24]
