"""Reading the folder of a run, whoever has written it and however far it got; without torch."""
