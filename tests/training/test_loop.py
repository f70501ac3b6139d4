from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from isitcap.errors import UserError
from isitcap.models.initialise import build
from isitcap.study.models import Optimisation
from isitcap.training.environment import Environment
from isitcap.training.loop import Epoch, fit

CPU = Environment(torch.device("cpu"), None, 1)
COUNT = 60


def train(order: int = 0, factor: float = 1.0, **changes: object) -> tuple[nn.Module, list[Epoch], list[list[int]]]:
    """Train a linear classifier on points left and right of a gap; also returns the batches it saw."""
    generator = torch.Generator().manual_seed(5)
    truth = (torch.arange(COUNT) % 2).float()
    points = torch.rand(COUNT, 2, generator=generator) + torch.stack([3 * truth - 2, torch.zeros(COUNT)], dim=1)
    model = build(lambda: nn.Linear(2, 1), torch.Generator().manual_seed(0))
    batches: list[list[int]] = []

    def loss(indices: torch.Tensor) -> torch.Tensor:
        batches.append(indices.tolist())
        return factor * functional.binary_cross_entropy_with_logits(model(points[indices]).squeeze(1), truth[indices])

    def validate() -> tuple[float, float]:
        with torch.no_grad():
            logits = model(points).squeeze(1)
        accuracy = ((logits > 0) == (truth > 0.5)).double().mean().item()
        return functional.binary_cross_entropy_with_logits(logits, truth).item(), accuracy

    settings = Optimisation.model_validate({"epochs": 3, "batch_size": 16, "learning_rate": 0.05} | changes)
    history = fit(
        model,
        loss,
        validate,
        count=COUNT,
        settings=settings,
        order=torch.Generator().manual_seed(order),
        environment=CPU,
        description="seed 0 linear",
        show=False,
    )
    return model, history, batches


@pytest.mark.parametrize("schedule", ["one-cycle", "constant"])
def test_separable_classes_are_learned(schedule: str) -> None:
    """Two classes with a gap between them are told apart after some epochs, and the loss falls."""
    _, history, _ = train(epochs=30, learning_rate=0.2, schedule=schedule)
    assert history[-1].validation_accuracy == 1
    assert history[-1].train_loss < 0.3 * history[0].train_loss


def test_history_has_a_row_for_each_epoch() -> None:
    """The history counts its epochs from 1, each with finite losses and a time."""
    _, history, _ = train()
    assert [row.epoch for row in history] == [1, 2, 3]
    assert all(row.train_loss > 0 and row.validation_loss > 0 and row.seconds > 0 for row in history)


def test_every_epoch_sees_every_sample_once() -> None:
    """An epoch is a permutation in batches, the last one smaller, and no two epochs share it."""
    _, _, batches = train()
    assert [len(batch) for batch in batches] == [16, 16, 16, 12] * 3
    epochs = [[i for batch in batches[start : start + 4] for i in batch] for start in (0, 4, 8)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_equal_orders_give_equal_weights() -> None:
    """The same generators give the same weights to the bit, another order others."""
    (a, _, _), (b, _, _), (c, _, _) = train(), train(), train(order=1)
    assert torch.equal(a.weight, b.weight)
    assert not torch.equal(a.weight, c.weight)


def test_training_loss_is_the_mean_over_samples() -> None:
    """A smaller last batch weighs by its images: at a rate of almost nothing the mean is the whole set's loss."""
    _, history, _ = train(epochs=1, learning_rate=1e-12, schedule="constant")
    assert history[0].train_loss == pytest.approx(history[0].validation_loss, rel=1e-5)


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_training(factor: float) -> None:
    """Divergence is one line with run, epoch, learning rate and remedy."""
    with pytest.raises(UserError) as error:
        train(factor=factor)
    assert str(error.value) == (
        "seed 0 linear: the loss is not finite in epoch 1 (learning_rate = 0.05); lower the learning rate in the study"
    )
