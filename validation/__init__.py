"""Experiments and measurements that could have shown the theory or the code wrong."""
