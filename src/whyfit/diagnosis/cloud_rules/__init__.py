"""Rules about a cloud of vectors (`whyfit map`): one per file, each a module with the constant RULE."""
