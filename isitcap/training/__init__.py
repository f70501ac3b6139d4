"""The training loop, predictions, and the order in which a study's runs are made."""
