"""A published log as files: a mirror that any web server can publish, and what only auditors may
read beside it, encrypted (docs/published-log.md).

    mirror       what is fetched and checked, in which order
    files        where it is written, whole or not at all
    encryption   what only its recipients open
"""
