"""The operations of administrators, over REST alone: as `app.api.operations` has the others."""

from app.administration.rest_operations import Administration
from app.contract.operation import Method, Operation, Run


def administration(administration: Administration) -> list[Operation]:
    """People, invitations to sign up, rooms, figures and the audit log."""

    def operation(run: Run, method: Method, path: str, status: int = 200) -> Operation:
        return Operation(run=run, http=(method, path), status=status, who="administrator")

    return [
        operation(administration.list_people, "GET", "/admin/people"),
        operation(administration.deactivate_person, "PUT", "/admin/people/{userId}/deactivation", 204),
        operation(administration.reactivate_person, "DELETE", "/admin/people/{userId}/deactivation", 204),
        operation(administration.allow_reset, "POST", "/admin/people/{userId}/password-reset", 201),
        operation(administration.list_sign_up_invitations, "GET", "/admin/invitations"),
        operation(administration.invite_to_sign_up, "POST", "/admin/invitations", 201),
        operation(
            administration.revoke_sign_up_invitation, "DELETE", "/admin/invitations/{invitationId}", 204
        ),
        operation(administration.list_all_rooms, "GET", "/admin/rooms"),
        operation(administration.take_over_room, "POST", "/admin/rooms/{roomId}/take-over"),
        operation(administration.keep_messages, "PUT", "/admin/rooms/{roomId}/retention", 204),
        operation(administration.archive_room, "PUT", "/admin/rooms/{roomId}/archive", 204),
        operation(administration.unarchive_room, "DELETE", "/admin/rooms/{roomId}/archive", 204),
        operation(administration.delete_room, "DELETE", "/admin/rooms/{roomId}", 204),
        operation(administration.list_default_rooms, "GET", "/admin/default-rooms"),
        operation(administration.add_default_room, "PUT", "/admin/default-rooms/{roomId}", 204),
        operation(administration.remove_default_room, "DELETE", "/admin/default-rooms/{roomId}", 204),
        operation(administration.figures, "GET", "/admin/figures"),
        operation(administration.list_audit, "GET", "/admin/audit"),
    ]
