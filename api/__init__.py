"""Every way in: HTTP, page, command line, batch."""
