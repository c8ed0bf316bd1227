"""The doors: HTTP and WebSocket, each thin over `twin.reader`, `twin.tiles` and the hub."""
