"""Data: rows are loaded, judged and split; examples are encoded once and made into batches."""
