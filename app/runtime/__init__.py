"""The set-up of a serving process: start-up checks, exit statuses, its address, garbage collection, memory.

`app.serving`, `app.workers` and the console command import it. It imports `app.config`, `app.core`, `app.db` and
`app.observability`.
"""
