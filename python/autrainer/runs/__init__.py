"""The folder of a run: what is in it, how it gets there, and where a run takes place."""
