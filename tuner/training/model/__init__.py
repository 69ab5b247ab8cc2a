"""Models: loading, layers, freezing, dropout and weights."""
