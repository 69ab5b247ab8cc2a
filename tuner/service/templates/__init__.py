"""Study files that `tuner init` writes."""
