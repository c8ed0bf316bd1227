"""/mayor: the digital mayor's office. Twelve menus, a page for each district, and what changed of late."""
