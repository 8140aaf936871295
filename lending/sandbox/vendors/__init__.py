"""One file a vendor: its pages, in its own wire format. `ROUTES` of each: (vendor, method, path, page)."""
