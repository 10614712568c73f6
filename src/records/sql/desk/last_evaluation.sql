SELECT MAX(at) FROM agent_events WHERE agent = $1 AND event = 'evaluation-held'
