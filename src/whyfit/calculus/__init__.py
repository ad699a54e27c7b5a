"""Pillar 2, the engine of learning: losses, gradients, Hessians, Newton steps, descent."""
