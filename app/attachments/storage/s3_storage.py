"""A bucket of Amazon S3 or of any server that speaks its protocol (MinIO, Ceph, Garage, R2, …).

The client is obstore, a binding to Apache's object_store: asynchronous of itself, so no thread waits; one wheel
without dependencies, where aiobotocore brings a dozen and minio's client would need a thread a call; retries and
multipart uploads are its own. An upload that was interrupted between two parts leaves them in the bucket, unseen: a
lifecycle rule of the bucket (AbortIncompleteMultipartUpload) clears them away.
"""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.attachments.storage.storage import NotStored, StorageUnavailable, checked

if TYPE_CHECKING:
    from obstore.store import S3Config  # which is there for the type checker alone

PART = 8 * 1024 * 1024  # bytes; what is larger is uploaded in parts
PARTS_AT_ONCE = 2
REQUEST_TIMEOUT = timedelta(seconds=30)
CONNECT_TIMEOUT = timedelta(seconds=3)
GIVE_UP_AFTER = timedelta(seconds=10)
RETRIES = 3
OUT_OF_RANGE = re.compile(r"InvalidRange|416 Range Not Satisfiable|Requested Range")  # by code and by status


class S3Storage:
    """Objects whose names are the prefix and the key.

    Without an `endpoint` it is Amazon's. Without keys, the AWS_* variables of the environment count, and else the role
    of the machine.
    """

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str, region: str, access_key: str, secret_key: str
    ) -> None:
        config: S3Config = {"region": region}
        if endpoint:
            config["endpoint"] = endpoint
        if access_key:
            config |= {"access_key_id": access_key, "secret_access_key": secret_key}
        self._store = S3Store(
            bucket,
            prefix=prefix.strip("/") or None,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": REQUEST_TIMEOUT,
                "connect_timeout": CONNECT_TIMEOUT,
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": GIVE_UP_AFTER},
        )

    async def write(self, key: str, file: BinaryIO) -> None:
        """See `Storage.write`."""
        file.seek(0)
        try:
            await obstore.put_async(
                self._store, checked(key), file, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
            )
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"cannot write {key}: {error}") from error

    async def read(self, key: str, start: int, stop: int) -> bytes:
        """See `Storage.read`."""
        try:
            return bytes(await obstore.get_range_async(self._store, checked(key), start=start, end=stop))
        except FileNotFoundError as error:
            raise NotStored(key) from error
        except (BaseError, OSError) as error:
            if OUT_OF_RANGE.search(str(error)):
                return b""
            raise StorageUnavailable(f"cannot read {key}: {error}") from error

    async def delete(self, key: str) -> None:
        """See `Storage.delete`."""
        try:
            await obstore.delete_async(self._store, checked(key))
        except FileNotFoundError:
            return  # some servers say so
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"cannot delete {key}: {error}") from error

    async def is_empty(self) -> bool:
        """See `Storage.is_empty`."""
        try:
            async for page in obstore.list(self._store, chunk_size=1):
                if page:
                    return False
        except (BaseError, OSError) as error:
            raise StorageUnavailable(f"cannot list the bucket: {error}") from error
        return True
