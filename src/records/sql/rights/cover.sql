INSERT INTO request_recordings (request, recording, state)
SELECT $1, id, 'candidate' FROM recordings WHERE id = $2 AND life IN ('kept', 'restricted')
ON CONFLICT (request, recording) DO NOTHING
