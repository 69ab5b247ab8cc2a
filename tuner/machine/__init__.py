"""The machine that runs trials: its devices, its memory and its disks."""
