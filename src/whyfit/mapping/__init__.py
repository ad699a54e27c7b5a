"""The x-ray of a cloud of vectors: `whyfit map`.

source ─► Cloud ─► plane ─► trust ─► answers ─► findings ─► MapDocument ─► report
file,     vectors  PCA      what to  near,      rules on     plain data     text, JSON,
arrays    labels            believe  project    clouds                      HTML, SVG
"""
