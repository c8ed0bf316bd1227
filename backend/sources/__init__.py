"""Where messages come from; each source hands `Message`s to the pipeline and acknowledges after the commit."""
