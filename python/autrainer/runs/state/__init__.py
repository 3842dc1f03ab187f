"""The state that a run resumes from."""
