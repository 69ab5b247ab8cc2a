"""Clipping of gradients."""

#: The norm to which gradients are clipped; the value of BERT's, ELECTRA's and transformers' own scripts.
MAX_GRAD_NORM = 1.0
