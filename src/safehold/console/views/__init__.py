"""The console's pages, one module a subject. Every view is decorated with exactly one right."""
