"""PostgreSQL: connections, transactions, statements with named parameters, migrations. No SQL of the chat, see `app.store`.

All folders but `app.core` may import it. It imports `app.core`.
"""
