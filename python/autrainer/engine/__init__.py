"""What happens between a batch and an updated model, whatever the run around it looks like."""
