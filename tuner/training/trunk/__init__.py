"""The trunk: the frozen layers, and the hidden states that they compute from the examples."""
