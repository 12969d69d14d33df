"""Pages of messages that end for their size as well as for their number: a hundred of the largest would be 30 MB."""

MAX_PAGE = 500_000  # bytes of JSON; the message that comes to them is whole, and may have some 300,000

# Of a row of `shown_messages`, as JSON; what is not counted has a few hundred bytes. Metadata is counted when it is
# written: to read that of a hundred messages, most of which are not on the page, takes a tenth of a second.
BYTES = """
coalesce(octet_length(cast(to_json(content) as text)), 0)
+ coalesce(metadata_bytes, octet_length(cast(metadata as text)), 0)
+ coalesce(octet_length(cast(reactions as text)), 0) + coalesce(octet_length(cast(attachments as text)), 0)
+ coalesce(octet_length(cast(mentions as text)), 0) + coalesce(octet_length(cast(previews as text)), 0)
"""


def ended_by_size(columns: str, page: str, order: str, *, given: str = "") -> str:
    """A statement for `columns` of the rows of `page`, in their order, up to the one that makes them `:max_bytes` or
    more.

    `given` are tables that `page` reads, as `with` defines them. Each row ends with how many `there_are` without that.
    So a page has at least one row if there is any.
    """
    return f"""
    {given}
    select {columns}, there_are from (
        select *, count(*) over () as there_are,
               coalesce(sum(bytes) over (order by {order} rows between unbounded preceding and 1 preceding), 0)
                   as bytes_before
        from (select *, {BYTES} as bytes from ({page}) page) measured
    ) sized
    where bytes_before < :max_bytes
    order by {order}
    """  # noqa: S608 - of constants of this program
