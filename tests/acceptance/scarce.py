"""The command, on devices that are too small: `python -P scarce.py ARGUMENT...`.

Trainers, which import this file too, have room for `SCARCE_EXAMPLES` examples at a time in a forward pass of training,
and say so as torch does. `SCARCE_TRACE` names a file that takes a line `EXAMPLES yes|no` for each that was tried.
"""

from __future__ import annotations

import os
from typing import Any


def become_scarce(examples: int) -> None:
    """Have every whole model of this process run out of memory above so many examples."""
    import torch
    import transformers
    from torch.nn.modules.module import register_module_forward_hook

    def try_to_fit(module: Any, _: Any, output: Any) -> None:
        if not (isinstance(module, transformers.PreTrainedModel) and hasattr(module, "classifier") and module.training):
            return
        tried = len(output.logits)
        with open(os.environ["SCARCE_TRACE"], "a", encoding="ascii") as file:
            file.write(f"{tried} {'yes' if tried <= examples else 'no'}\n")
        if tried > examples:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.50 GiB.")

    register_module_forward_hook(try_to_fit)


if __name__ == "__main__":
    from tuner import service
    from tuner.cli.main import main

    service.PRELOAD = (*service.PRELOAD, "scarce")  # type: ignore[misc]
    main()
elif "SCARCE_EXAMPLES" in os.environ:
    become_scarce(int(os.environ["SCARCE_EXAMPLES"]))
