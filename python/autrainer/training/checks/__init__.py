"""What can be wrong with a run, found before it trains or told when it fails."""
