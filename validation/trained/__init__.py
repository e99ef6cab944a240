"""Real routers of a transformer trained on text, and random ones: what the theory says of them, and what they do."""
