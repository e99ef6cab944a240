"""The study `ecology`: is E = T H/(O + B) >= 0.5 a law of dead experts, and what governs them."""
