"""Who steps it? Adapters to Gymnasium and Stable-Baselines3."""
