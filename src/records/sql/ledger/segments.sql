SELECT segment, month FROM ledger_segments WHERE site = $1 AND expired_at IS NULL ORDER BY segment
