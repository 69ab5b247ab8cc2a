"""The output for people and programs: events, progress, views, notes."""
