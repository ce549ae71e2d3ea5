"""What other tools read: datasets of Minari, cards of models."""
