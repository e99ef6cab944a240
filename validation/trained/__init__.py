"""Small transformers of mixtures trained on text: what their routers do in training, and what their logits foretell."""
