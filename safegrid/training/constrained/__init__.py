"""Training under a limit on cost: cost advantages, multipliers, and what they are built into."""
