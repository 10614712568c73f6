INSERT INTO ledger_months (site, month, commitment) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
