"""What stands around the pump on a bench: one interface each, several makes."""
