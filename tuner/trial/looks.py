"""Looks: the percents of its schedule after which a trial is evaluated. All trials of a study have the same ones."""

from __future__ import annotations

from tuner.trial.evaluation import LAST_STEP

#: By number of evaluations, the percents after which they are made, evenly spaced as far as the next entry allows. Each
#: entry contains the next one, so that trials of two studies have percents in common.
LOOKS: dict[int, tuple[int, ...]] = {
    10: tuple(range(10, 101, 10)),
    5: (20, 40, 60, 80, 100),
    2: (40, 100),
    1: (LAST_STEP,),
}
#: All evaluations of a trial may cost this share of its training.
MAX_VALIDATION_SHARE = 0.25
#: Cost of training a layer (forward pass, backward pass, share of the optimiser) in forward passes of an evaluation.
#: Measured with MiniLM on a processor: 35 ms an example against 8.7.
TRAINED_LAYER_COST = 4.0


def affordable_looks(
    *, train_tokens: float, validation_tokens: float, epochs: float, trained_share: float
) -> tuple[int, ...]:
    """Return the most looks that together cost at most a quarter of a trial's training; at least one.

    Args:
        train_tokens: Tokens of the training split.
        validation_tokens: Tokens of the validation split.
        epochs: Length of the trial.
        trained_share: Share of the encoder's layers that are trained.
    """
    forward_passes = (1 - trained_share) + TRAINED_LAYER_COST * trained_share
    training = train_tokens * epochs * forward_passes
    for count, looks in LOOKS.items():
        if count * validation_tokens <= MAX_VALIDATION_SHARE * training:
            return looks
    return LOOKS[1]
