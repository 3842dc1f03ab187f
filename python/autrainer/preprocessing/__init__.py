"""Features of recordings, made once and kept as files. Importing this imports no torch."""
