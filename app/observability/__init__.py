SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # where the workers' metrics are, for whichever is asked for them
