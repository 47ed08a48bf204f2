"""The words, messages and rules of the pump link: pure, shared by the pump and the bench."""
