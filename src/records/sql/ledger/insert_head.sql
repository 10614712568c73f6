INSERT INTO ledger_heads (site, day, segment, rows, sealed_at, text) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
