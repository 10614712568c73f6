UPDATE ledger_periods SET published_at = $3 WHERE site = $1 AND day = $2
