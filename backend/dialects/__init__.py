"""Other systems' ways of saying what the twin knows, one file each."""
