"""What studies share of training: mixtures side by side, and the tokens they train on."""
