"""Why it won't converge: `whyfit descend`.

source ─► rows or moments ─► Problem ─► Walk ─► DescentCase ─► findings ─► race ─► DescendDocument ─► report
"""
