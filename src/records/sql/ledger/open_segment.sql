INSERT INTO ledger_segments (segment, site, month, state, pseudonym_key) VALUES ($1, $2, $3, $4, $5)
