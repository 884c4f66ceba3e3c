"""Where parts are worked on: local processes, a cluster. Never changes what is made."""
