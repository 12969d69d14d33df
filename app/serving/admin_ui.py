"""The admin UI of an instance, where the settings have an operator for it: its namespace, and its page."""

from starlette.routing import Route

from app.config.settings import Settings
from protocol import AdminPage, Server, instrument

PAGE_PATH = "/admin-ui"


def admin_ui(settings: Settings, io: Server, socket_path: str) -> list[Route]:
    """Let the operator watch the instance and its clients, and return the routes of the page; none where it is off."""
    if not settings.admin_ui_user:
        return []
    instrument(
        io,
        auth={"username": settings.admin_ui_user, "password": settings.admin_ui_password_hash},
        mode="development" if settings.admin_ui_mode == "development" else "production",
        read_only=settings.admin_ui_read_only,
        secret=settings.jwt_secret,
    )
    page = AdminPage(path=socket_path)
    return [Route(PAGE_PATH, page), Route(f"{PAGE_PATH}/{{name:path}}", page)]
