"""Previews of pages that messages link to: the links of a text, what a page says of itself, and how it is had.

The application that serves imports it. It imports the store, announcements, and the HTTP of notifications.
"""
