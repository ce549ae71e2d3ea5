"""What must a file of envs/ or agents/ have? The contract, checked once when the file is loaded."""
