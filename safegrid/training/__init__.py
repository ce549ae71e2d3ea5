"""What agents have in common: training loops, networks, tables and penalties."""
