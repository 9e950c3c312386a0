"""Off-chain data, in a relational database: everything SQL is here."""
