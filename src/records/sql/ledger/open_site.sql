INSERT INTO ledger_sites (site, public_key, opened_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
