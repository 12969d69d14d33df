"""PostgreSQL: connections, transactions, statements, typed rows, migrations. The SQL is in `app.store`.

All folders but `app.core` may import it. It imports `app.core`.
"""
