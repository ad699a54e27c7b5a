"""How files, data frames and arrays become numbers."""
