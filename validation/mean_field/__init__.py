"""The discrete rule against its mean-field limit: its paths, its noise, and the collapse of many experts."""
