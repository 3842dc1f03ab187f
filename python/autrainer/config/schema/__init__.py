"""What a configuration may say, checked before anything is built."""
