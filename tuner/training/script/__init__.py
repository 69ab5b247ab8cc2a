"""Scripts that repeat a trial without this package: the parts that they are made of, and their writing."""
