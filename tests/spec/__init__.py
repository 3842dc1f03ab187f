"""What autrainer 0.10 offers to configurations and code of users, as data, and what is not here."""
