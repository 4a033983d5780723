"""Read the article of a web page: its blocks of text, classified as the body or as boilerplate."""
