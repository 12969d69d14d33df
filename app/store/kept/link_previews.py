"""Previews of links: a bounded cache of what pages say of themselves, and what messages show of it."""

from collections.abc import Sequence

from app.db.queries import Queries
from app.db.rows import Row

FRESH = 7 * 86_400.0  # seconds that what a page said is believed, also that it said nothing
GIVEN_UP = 60.0  # seconds after which an instance that was to fetch a page counts as gone


class LinkPreviewRow(Row, frozen=True):
    """What is known of a page: nothing before it `was_fetched`, and no `title` where there is nothing to show."""

    title: str | None
    description: str | None
    site_name: str | None
    was_fetched: bool


async def claim(q: Queries, url: str) -> bool:
    """Takes it on to fetch a page that is not known, or no longer; False where it is, or another has taken it on."""
    return bool(
        await q.value(
            """
            insert into link_previews (url) values (:url)
            on conflict (url) do update set claimed_at = now(), fetched_at = null
            where link_previews.claimed_at < now() - make_interval(
                secs => case when link_previews.fetched_at is null then cast(:given_up as double precision)
                             else cast(:fresh as double precision) end)
            returning true
            """,
            url=url,
            given_up=GIVEN_UP,
            fresh=FRESH,
        )
    )


async def fetched(
    q: Queries, url: str, *, title: str | None, description: str | None, site_name: str | None
) -> None:
    """Keeps what a page said, None for nothing."""
    await q.value(
        """
        update link_previews
        set title = :title, description = :description, site_name = :site_name, fetched_at = now()
        where url = :url
        """,
        url=url,
        title=title,
        description=description,
        site_name=site_name,
    )


async def find(q: Queries, url: str) -> LinkPreviewRow | None:
    """What is known of a page; None for nothing."""
    return await q.row(
        LinkPreviewRow,
        """
        select title, description, site_name, fetched_at is not null as was_fetched
        from link_previews
        where url = :url
        """,
        url=url,
    )


async def let_go(q: Queries, most: int) -> None:
    """Forgets the pages that were asked for longest ago, beyond so many."""
    await q.value(
        """
        delete from link_previews
        where url in (select url from link_previews order by claimed_at desc offset :most)
        """,
        most=most,
    )


async def of_message(q: Queries, message_id: str) -> list[str]:
    """The links of the previews that a message shows."""
    return await q.column(
        str,
        "select url from message_previews where message_id = :message_id order by place",
        message_id=message_id,
    )


async def put(q: Queries, message_id: str, urls: Sequence[str]) -> None:
    """Gives a message of a locked room the previews of these links, which are known, in place of those it has."""
    await q.value(
        """
        with gone as (
            delete from message_previews
            where message_id = :message_id and place > cardinality(cast(:urls as text[]))
        )
        insert into message_previews (message_id, place, url, title, description, site_name)
        select :message_id, given.place, p.url, p.title, p.description, p.site_name
        from unnest(cast(:urls as text[])) with ordinality as given (url, place)
        join link_previews p on p.url = given.url and p.title is not null
        on conflict (message_id, place) do update
        set url = excluded.url, title = excluded.title, description = excluded.description,
            site_name = excluded.site_name
        """,
        message_id=message_id,
        urls=list(urls),
    )
