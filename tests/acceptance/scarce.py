"""The command, on devices that are too small: `python -P scarce.py ARGUMENT...`.

Trainers, which import this file too, have room for `SCARCE_EXAMPLES` examples at a time in a step of training, and say
so as torch does: in the forward pass, or, with `SCARCE_OPTIMIZER`, where the optimiser steps, which is not done again.
`SCARCE_TRACE` names a file that takes a line for each time, with the examples that did not fit.

Or the model itself may find no room: `SCARCE_ATTEMPTS` names a file with a letter for each attempt, `x` where others
have filled the device. Each attempt takes the first letter away.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def become_scarce(most: int, trace: str, *, in_optimizer: bool) -> None:
    """Have every whole model of this process run out of memory above so many examples."""
    import torch
    import transformers
    from torch.nn.modules.module import register_module_forward_hook
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    tried = [0]

    def refuse_more() -> None:
        if tried[0] > most:
            with open(trace, "a", encoding="ascii") as file:
                file.write(f"{tried[0]}\n")
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.50 GiB.")

    def see(module: Any, _: Any, output: Any) -> None:
        if isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier") and module.training:
            tried[0] = len(output.logits)
            if not in_optimizer:
                refuse_more()

    register_module_forward_hook(see)
    if in_optimizer:
        register_optimizer_step_pre_hook(lambda *_: refuse_more())


def fill_device(attempts: Path) -> None:
    """Have models find no room on the device in the attempts that a file says."""
    import accelerate
    import torch

    prepare = accelerate.Accelerator.prepare

    def find_room(*arguments: Any, **options: Any) -> Any:
        letters = attempts.read_text(encoding="ascii")
        attempts.write_text(letters[1:], encoding="ascii")
        if letters[:1] == "x":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90.00 MiB.")
        return prepare(*arguments, **options)

    accelerate.Accelerator.prepare = find_room  # type: ignore[method-assign]


if __name__ == "__main__":
    from tuner.cli.main import main
    from tuner.service import run as service

    service.PRELOAD = (*service.PRELOAD, "scarce")  # type: ignore[misc]
    main()
elif "SCARCE_EXAMPLES" in os.environ:
    become_scarce(
        int(os.environ["SCARCE_EXAMPLES"]), os.environ["SCARCE_TRACE"], in_optimizer="SCARCE_OPTIMIZER" in os.environ
    )
elif "SCARCE_ATTEMPTS" in os.environ:
    fill_device(Path(os.environ["SCARCE_ATTEMPTS"]))
