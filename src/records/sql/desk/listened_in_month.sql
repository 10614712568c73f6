SELECT ledger_rows.text, ledger_segments.pseudonym_key FROM ledger_rows
JOIN ledger_segments ON ledger_segments.segment = ledger_rows.segment
WHERE ledger_segments.month = $1 AND ledger_segments.pseudonym_key IS NOT NULL
      AND (ledger_rows.text LIKE '%"deed":"played"%' OR ledger_rows.text LIKE '%"deed":"reviewed"%')
ORDER BY ledger_rows.segment, ledger_rows.row
