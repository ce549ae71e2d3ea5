"""The leaderboard: submissions, their verification, the index and the pages."""
