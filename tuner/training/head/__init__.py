"""The head on frozen layers: fitted once on their hidden states, for trials to begin with."""
