"""Read articles from files and folders: text, web pages, e-mails, documents, and tables with one article per row."""

from tagging.readers.files import KINDS, read_file
from tagging.readers.inputs import check_inputs, list_articles, read_articles
from tagging.readers.items import ArticleColumns, ArticleFile, ReadArticle, Unreadable, id_of, nothing_read

__all__ = [
    "KINDS",
    "ArticleColumns",
    "ArticleFile",
    "ReadArticle",
    "Unreadable",
    "check_inputs",
    "id_of",
    "list_articles",
    "nothing_read",
    "read_articles",
    "read_file",
]
