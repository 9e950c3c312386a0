"""The command `cunzheng`: one module per command, and what they share."""
