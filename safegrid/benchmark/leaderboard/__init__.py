"""The leaderboard: submissions, their verification, the database and the pages."""
