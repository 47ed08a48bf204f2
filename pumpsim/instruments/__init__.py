"""What stands around an emulated pump on a bench: models, and the command sets they speak. Pure."""
