"""What is kept of messages beside their rooms: those that a user has saved, and earlier texts.

The API imports it. It imports the store, announcements and rooms.
"""
