"""Coding sheets: tables in which annotators write their readings, made from passages and brought back as annotations."""
