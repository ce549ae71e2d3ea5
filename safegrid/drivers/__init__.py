"""Adapters to Gymnasium and Stable-Baselines3."""
