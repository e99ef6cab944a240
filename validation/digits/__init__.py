"""Two experts behind a hard top-1 linear router on scikit-learn's digits: predicted from its margins, then measured."""
