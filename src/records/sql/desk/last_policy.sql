SELECT version, text FROM policies ORDER BY version DESC LIMIT 1
