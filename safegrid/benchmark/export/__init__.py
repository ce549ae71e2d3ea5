"""What other tools read: tables of runs, curves, datasets of Minari, cards of models."""
