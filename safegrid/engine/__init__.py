"""How is a state stepped? States, chance, compiled loops, lanes and the explicit model."""
