"""Comparison of many runs: suites, sweeps, results, reports and the leaderboard."""
