"""How do many runs compare? Suites, sweeps, results, reports and the leaderboard."""
