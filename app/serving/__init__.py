"""One instance: the application with all its parts put together, and the server process around it.

`app.workers` and the console command import it. It may import all other folders but `app.workers` and `app.embedded`.
"""
