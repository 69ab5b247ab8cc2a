"""Clipping of gradients."""

#: Norm that gradients are clipped to. BERT's, ELECTRA's and transformers' own scripts have this value.
MAX_GRAD_NORM = 1.0
