SELECT recording FROM case_recordings JOIN recordings ON recordings.id = case_recordings.recording
WHERE case_id = $1 AND life IN ('kept', 'restricted') ORDER BY attached_at, recording
