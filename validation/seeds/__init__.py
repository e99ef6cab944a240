"""A study at many seeds: whether its verdicts hang on one (``python -m validation seeds STUDY``)."""
