"""What a run leaves for a person: a summary in words, and one picture."""
