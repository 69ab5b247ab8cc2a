"""This machine: its devices, its memory and its disks."""
