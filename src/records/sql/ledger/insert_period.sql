INSERT INTO ledger_periods (site, period, day, first, one_in) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
