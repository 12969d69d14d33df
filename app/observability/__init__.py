"""The signals for operators: logs, metrics, traces, health.

`app.api` and what starts a process import it. It imports `app.config`, `app.contract`, `app.core`, `app.db`, `app.http`
and `app.limits`.
"""

SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the workers' metrics are, for whichever is asked for them
