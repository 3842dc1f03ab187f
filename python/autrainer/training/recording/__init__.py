"""What a run keeps of itself, and what it writes down."""
