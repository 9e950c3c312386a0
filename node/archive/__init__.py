"""A published log as files: a mirror that any web server can publish, and what only auditors may
read beside it, encrypted (docs/published-log.md)."""
