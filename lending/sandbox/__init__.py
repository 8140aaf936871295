"""The other side of every third party as one HTTP server, for development, the demo and tests: docs/sandbox.md."""
