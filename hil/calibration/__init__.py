"""A pump model file fitted to what was measured on a bench."""
