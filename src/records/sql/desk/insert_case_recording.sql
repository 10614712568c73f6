INSERT INTO case_recordings (case_id, recording, attached_by, attached_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
