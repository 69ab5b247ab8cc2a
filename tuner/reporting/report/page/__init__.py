"""The page of a report: its frame, its style, and the script that sorts its trials."""
