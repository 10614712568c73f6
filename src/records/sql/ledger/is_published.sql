SELECT EXISTS (SELECT 1 FROM ledger_periods WHERE site = $1 AND day = $2 AND published_at IS NOT NULL)
