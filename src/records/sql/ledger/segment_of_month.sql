SELECT segment, month FROM ledger_segments WHERE site = $1 AND (month <= $2 OR rows IS NULL)
ORDER BY CASE WHEN month <= $2 THEN 0 ELSE 1 END, segment DESC LIMIT 1
