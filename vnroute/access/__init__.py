"""Who may do what: users and keys with their roles, sessions of the console."""
