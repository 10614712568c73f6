INSERT INTO receipts (recording, reason, out_of_reach_at) VALUES ($1, $2, $3) ON CONFLICT (recording) DO NOTHING
