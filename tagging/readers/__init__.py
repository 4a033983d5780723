"""Read articles from files and folders: text, web pages, e-mails, documents, and tables with one article per row."""

from tagging.readers.files import KINDS, read_file
from tagging.readers.inputs import list_articles, read_articles
from tagging.readers.items import ArticleColumns, ArticleFile, ReadArticle, Unreadable, id_of, nothing_read
from tagging.readers.locations import Input, check_inputs
from tagging.readers.remote import RemoteFile

__all__ = [
    "KINDS",
    "ArticleColumns",
    "ArticleFile",
    "Input",
    "ReadArticle",
    "RemoteFile",
    "Unreadable",
    "check_inputs",
    "id_of",
    "list_articles",
    "nothing_read",
    "read_articles",
    "read_file",
]
