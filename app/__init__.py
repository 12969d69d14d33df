"""A chat on the Socket.IO server of `protocol`."""
