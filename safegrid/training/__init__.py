"""What do agents share? Training loops, networks, tables and penalties."""
