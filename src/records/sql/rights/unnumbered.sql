SELECT recordings.id AS recording, call, began_at, seconds, direction, life FROM recordings
WHERE customer IS NULL AND life IN ('kept', 'restricted')
      AND (state = 'incomplete' OR EXISTS (SELECT 1 FROM calls WHERE calls.call = recordings.call AND cut_off))
      AND NOT EXISTS (SELECT 1 FROM request_recordings WHERE request = $1 AND recording = recordings.id)
ORDER BY began_at, recordings.id
