"""Ready search spaces, as data."""
