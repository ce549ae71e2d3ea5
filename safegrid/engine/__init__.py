"""How is a state stepped? States, chance, kernels, lanes and the explicit model."""
