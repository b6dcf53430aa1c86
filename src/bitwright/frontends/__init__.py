"""Foreign models in: each format reads into the integer graph."""
