SELECT id, call, agent, direction, began_at, seconds, reasons, state, life, is_today,
       EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id AND released_at IS NULL) AS held
FROM (SELECT recordings.*,
             EXISTS (SELECT 1 FROM calls LEFT JOIN ledger_periods ON ledger_periods.site = calls.site AND ledger_periods.period = calls.period
                     WHERE calls.call = recordings.call AND calls.period IS NOT NULL AND published_at IS NULL) AS is_today
      FROM recordings) AS recordings
WHERE life <> 'gone'
      AND ($1 OR life = 'kept' AND (
          $2 AND EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = 'quality')
          OR $3 AND EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = 'incident')
          OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = $4)
             AND (NOT is_today OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose <> 'quality'))))
      AND ($5 IS NULL OR recordings.agent = $5
           OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = $5))
      AND ($6 IS NULL OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose = $6)
                         AND ($1 OR $2 OR NOT is_today OR $6 <> 'quality'))
      AND began_at >= $7 AND began_at < $8 AND (began_at, id) > ($9, $10)
ORDER BY began_at, id LIMIT $11
