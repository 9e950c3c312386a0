"""Is this gateway well, and were the members when a deposit was made?

health           /healthz, /readyz
health_windows   health records of the members around a time or a deposit
around           what they say of a span, and of a deposit
health_reports   the records themselves, collected and checked
metrics          what Prometheus reads
alarms           certificates that end soon, deposits that are overdue

schemas          shapes of answers
"""
