"""Made-up evidence: pictures, a contract, messages and records that nobody's life is in."""
