"""PostgreSQL: connections, transactions, statements with named parameters, migrations. The SQL is in `app.store`.

All folders but `app.core` may import it. It imports `app.core`.
"""
