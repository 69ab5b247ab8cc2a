"""The live view of a study: a model of what is shown, and one file for each part that is drawn."""
