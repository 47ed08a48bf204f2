"""The same scenario on two targets, laid side by side."""
