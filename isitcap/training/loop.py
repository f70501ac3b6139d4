"""The training loop: a whole data set in memory, batches by index, Adam, one history row an epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from isitcap.errors import UserError
from isitcap.progress import bar
from isitcap.study.models import Optimisation
from isitcap.training.environment import Environment

Loss = Callable[[torch.Tensor], torch.Tensor]
"""From the indices of a batch to its loss."""


@dataclass(frozen=True)
class Epoch:
    """One epoch's mean training loss and what validation found after it."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float | None
    seconds: float


def fit(
    model: nn.Module,
    loss: Loss,
    validate: Callable[[], tuple[float, float | None]],
    *,
    count: int,
    settings: Optimisation,
    order: torch.Generator,
    environment: Environment,
    description: str,
    show: bool = True,
) -> list[Epoch]:
    """Train `model` in place for `settings.epochs` passes over `count` samples in an order drawn from `order`.

    The weights after the last epoch are the result: choosing an epoch by its validation accuracy would make the
    validation images part of the training.

    Args:
        model: on the environment's device; in evaluation mode when this returns.
        loss: computes the mean loss of a batch of sample indices, under autocast.
        validate: returns loss and accuracy (or `None`) on the validation images.
        count: number of training samples.
        settings: epochs, batch size, learning rate and its schedule.
        order: generator of the permutations.
        environment: device and autocast type.
        description: names the run in the progress bar and in errors.
        show: whether to show progress.

    Raises:
        UserError: the loss is no longer finite.
    """
    device = environment.device
    steps = math.ceil(count / settings.batch_size)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    schedule = (
        torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=settings.learning_rate, total_steps=max(2, settings.epochs * steps)
        )
        if settings.schedule == "one-cycle"
        else None
    )
    history: list[Epoch] = []
    with bar(settings.epochs * count, description, "images", show=show, tells_end=True) as progress:
        for epoch in range(1, settings.epochs + 1):
            start, total = time.perf_counter(), torch.zeros((), dtype=torch.float64, device=device)
            model.train()
            for indices in torch.randperm(count, generator=order).split(settings.batch_size):
                with environment.mixed():
                    value = loss(indices)
                optimiser.zero_grad(set_to_none=True)
                value.backward()
                optimiser.step()
                if schedule is not None:
                    schedule.step()
                total += value.detach().double() * len(indices)
                progress.update(len(indices))
            mean = float(total) / count
            model.eval()
            validation_loss, accuracy = validate()
            if not (math.isfinite(mean) and math.isfinite(validation_loss)):
                raise UserError(
                    f"{description}: the loss is not finite in epoch {epoch} "
                    f"(learning_rate = {settings.learning_rate}); lower the learning rate in the study"
                )
            history.append(Epoch(epoch, mean, validation_loss, accuracy, time.perf_counter() - start))
            shown = f"validation {accuracy:.1%}" if accuracy is not None else f"validation loss {validation_loss:.5f}"
            progress.set_postfix_str(f"epoch {epoch}: {shown}")
    return history
