"""The whole cluster in one process: real decisions, imaginary clocks, networks and disks."""
