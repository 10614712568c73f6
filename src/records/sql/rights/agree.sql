INSERT INTO agreements (proposal, agent, account, agreed_at) VALUES ($1, $2, $3, $4) ON CONFLICT (proposal, agent) DO NOTHING
