"""Changes of a Cloudant or CouchDB database."""
