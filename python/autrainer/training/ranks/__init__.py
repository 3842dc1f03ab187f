"""One run on many processes: how they are started, watched and ended."""
