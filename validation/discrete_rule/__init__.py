"""The discrete rule itself, against its mean-field limit, its noise and the collapse of many experts."""
