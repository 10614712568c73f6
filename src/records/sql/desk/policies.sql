SELECT text FROM policies ORDER BY version
