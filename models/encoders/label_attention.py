"""A net that reads a passage once for many labels, each given by its description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.nn import functional

from models.encoders import windows
from models.encoders.forward import Forward
from models.encoders.tuned import pool_windows


class LabelAttention(torch.nn.Module):
    """Scores the presence of each label in each passage and the three stances toward it, from token states and label vectors.

    Each label attends to the passage's tokens separately (as in CAML, Mullenbach et al. 2018). Its query is computed
    from its description, so labels without any example work too.
    """

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        # A sentence encoder already places similar texts near each other, so attention starts from the identity.
        for projection in (self.query, self.key):
            torch.nn.init.eye_(projection.weight)
            torch.nn.init.zeros_(projection.bias)
        self.join = torch.nn.Sequential(
            torch.nn.Linear(4 * width, width), torch.nn.GELU(), torch.nn.Dropout(dropout), torch.nn.Linear(width, 4)
        )

    def forward(self, states: torch.Tensor, mask: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return (windows, labels, 4) from (windows, tokens, width), (windows, tokens) and (labels, width)."""
        scores = self.key(states) @ self.query(labels).T / states.shape[-1] ** 0.5
        weights = scores.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).softmax(dim=1)
        attended = functional.normalize((weights.transpose(1, 2) @ states).float(), dim=-1)
        whole = functional.normalize(windows.masked_mean(states, mask), dim=-1).unsqueeze(1).expand_as(attended)
        label = functional.normalize(labels.float(), dim=-1).unsqueeze(0).expand_as(attended)
        # Scale the small entries of unit vectors to about 1. The product makes `whole` specific to each label.
        logits: torch.Tensor = self.join(
            torch.cat([attended, label, attended * label, whole * label], dim=-1) * states.shape[-1] ** 0.5
        )
        return logits


class LabelAttentionNet(torch.nn.Module):
    """An encoder with label attention on its token states."""

    def __init__(self, encoder: Any, dropout: float):
        super().__init__()
        self.encoder = encoder
        self.head = LabelAttention(encoder.config.hidden_size, dropout)
        self.states = Forward(encoder)

    def vectors(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        vectors: torch.Tensor = windows.masked_mean(self.states(batch), batch["attention_mask"])
        return vectors

    def forward(self, batch: Mapping[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        return self.head(self.states(batch), batch["attention_mask"], labels)


def pool_labels(logits: torch.Tensor, owner: torch.Tensor, rows: int) -> torch.Tensor:
    """Pool logits over windows, (windows, labels, 4) → (rows, labels, 4): maximum presence, mean stances."""
    presence = pool_windows(logits[..., :1], owner, rows, "amax")
    return torch.cat([presence, pool_windows(logits[..., 1:], owner, rows, "mean")], dim=-1)


def joint_loss(logits: torch.Tensor, y: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return the loss of the presence of topics, weighted by `weight` (topics,), plus that of the known stances."""
    each = functional.binary_cross_entropy_with_logits(logits[..., 0], y[..., 0], reduction="none")
    presence = (each.mean(dim=0) * weight).sum() / weight.sum()
    has_stance = ~torch.isnan(y[..., 1])
    if not has_stance.any():
        return presence
    return presence + functional.cross_entropy(logits[..., 1:][has_stance], y[..., 1:][has_stance])
