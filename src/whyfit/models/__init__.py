"""scikit-learn estimators, thin shells over the pillars."""
