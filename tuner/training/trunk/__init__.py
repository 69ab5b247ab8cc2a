"""The trunk: the frozen layers, and the hidden states that they make of the examples."""
