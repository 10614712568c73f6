SELECT segment, month FROM ledger_segments
WHERE month < $1 AND expired_at IS NULL AND segment < (SELECT MAX(segment) FROM ledger_segments) ORDER BY segment
