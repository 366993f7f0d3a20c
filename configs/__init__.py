"""One run a file: `config()` returns it; the first line of the file says what it is."""
