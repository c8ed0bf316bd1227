"""The demo feed: a made-up city that sends real wire formats through the real broker and sockets."""

from backend.feed.loop import run

__all__ = ["run"]
