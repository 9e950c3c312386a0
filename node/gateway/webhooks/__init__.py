"""What an account is told without asking.

routes      where to, what about, and what was delivered
following   reads the log for what others said of deposits
notifier    sends it, until it is taken or given up

problems, schemas   every refusal; shapes of requests and answers
"""
