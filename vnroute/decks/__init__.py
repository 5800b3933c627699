"""Rate decks as carriers send them: read, mapped, checked, compared, put in force."""
