"""The log as it is published (docs/published-log.md): what its parts are called, how they are read,
and what must hold of them. Pure: whoever serves, mirrors or audits it brings the bytes."""
