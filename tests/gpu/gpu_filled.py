"""The command, where a GPU is full once training begins: `python -P gpu_filled.py ARGUMENT...`.

Trainers, which import this file too, find no room for one example at the first forward pass of training.
"""

from __future__ import annotations

if __name__ == "__main__":
    from tuner.cli.main import main
    from tuner.service import run as service

    service.PRELOAD = (*service.PRELOAD, "gpu_filled")  # type: ignore[misc]
    main()
else:
    from gpu_functions import become_scarce

    become_scarce(fill=True)
