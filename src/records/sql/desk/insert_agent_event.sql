INSERT INTO agent_events (id, agent, event, at, noted_by) VALUES ($1, $2, $3, $4, $5)
