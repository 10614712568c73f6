SELECT id, call, agent, direction, began_at, seconds, reasons, state, life,
       EXISTS (SELECT 1 FROM holds WHERE holds.recording = recordings.id AND released_at IS NULL) AS held
FROM recordings
WHERE life IN ('kept', 'restricted')
      AND (recordings.agent = $1 OR EXISTS (SELECT 1 FROM participants WHERE participants.recording = recordings.id AND participants.agent = $1))
      AND (began_at < $2 OR EXISTS (SELECT 1 FROM purposes WHERE purposes.recording = recordings.id AND purpose <> 'quality'))
ORDER BY began_at, id
