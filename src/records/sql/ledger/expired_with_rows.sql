SELECT segment FROM ledger_segments
WHERE expired_at IS NOT NULL AND EXISTS (SELECT 1 FROM ledger_rows WHERE ledger_rows.segment = ledger_segments.segment)
ORDER BY segment
