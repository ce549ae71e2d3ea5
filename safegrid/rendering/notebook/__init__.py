"""How environments, solutions, scores and episodes show themselves in a notebook."""
