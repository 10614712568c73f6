INSERT INTO trainees (recording, name, named_by, named_at) VALUES ($1, $2, $3, $4) ON CONFLICT (recording, name) DO NOTHING
