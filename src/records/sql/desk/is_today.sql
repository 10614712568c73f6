SELECT COUNT(*) AS open FROM recordings
JOIN calls ON calls.call = recordings.call
LEFT JOIN ledger_periods ON ledger_periods.site = calls.site AND ledger_periods.period = calls.period
WHERE recordings.id = $1 AND calls.period IS NOT NULL AND published_at IS NULL
