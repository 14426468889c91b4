"""Importing: what a file says of customers and their past, from the start that they really had.

A file is looked through first, as a whole (`survey`), with what would come of it (`forecast`);
then it is kept in the inbox, and carried out from there (`carrying`), as often as that takes.
"""
