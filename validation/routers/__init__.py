"""Torch routers as they are used: linear and trained ones, soft, hard and top-k, of few and many experts."""
