SELECT agent, account FROM agreements WHERE proposal = $1 ORDER BY agreed_at, agent
