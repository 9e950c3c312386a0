"""A whole network on one machine: its key ceremony, its processes, a table to watch, and a demo."""
