"""What a policy is worth: its episodes, their records and their scores."""
