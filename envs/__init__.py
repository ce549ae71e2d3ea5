"""One environment a file; the file's name is the environment's name."""
