"""How the starter weights are made: drawn pictures, training, shipping."""
