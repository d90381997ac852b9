"""The commands for the people who sign in with a password: user add, remove, list."""

import argparse
import getpass
import sys

from rag.audit import AuditLog
from rag.cli.printing import print_json
from rag.config import AUTH_PASSWORD, Config
from rag.errors import AccessError
from rag.store import Store
from rag.users import UsersFile, clean_name, refuse_password

_AUDIT_NAME = "(command line)"  # no name of a user has brackets


def run_user_add(arguments: argparse.Namespace, config: Config) -> int:
    """Add a person, or give one another password and role; sign the person out everywhere."""
    users = UsersFile(config.state_dir)
    known = users.read().get(clean_name(arguments.name))
    role = arguments.role or (known.role if known else "reader")
    user = users.put(arguments.name, role, _password(clean_name(arguments.name)))
    Store(config.state_dir).sessions.end_all(user.id)
    AuditLog(config.state_dir).note(_AUDIT_NAME, "change-user" if known else "add-user", user.name)
    if arguments.json:
        print_json({"name": user.name, "role": user.role, "is_new": known is None})
    else:
        done = "has a new password" if known else "may sign in"
        print(f"{user.name} {done}, as {user.role}.")
    if config.auth != AUTH_PASSWORD:
        print(
            'Nobody is asked for a password yet: write `auth = "password"` into fumikura.toml.',
            file=sys.stderr,
        )
    return 0


def run_user_remove(arguments: argparse.Namespace, config: Config) -> int:
    """Remove a person; the conversations too, if that is asked."""
    user = UsersFile(config.state_dir).remove(arguments.name)
    store = Store(config.state_dir)
    store.sessions.end_all(user.id)
    deleted = 0
    if arguments.with_conversations:
        deleted = store.of(user.id, user.name).delete_all_conversations()
    AuditLog(config.state_dir).note(_AUDIT_NAME, "remove-user", user.name)
    if arguments.json:
        print_json({"name": user.name, "deleted_conversations": deleted})
    else:
        print(f"{user.name} may no longer sign in. Conversations deleted: {deleted}.")
    return 0


def run_user_list(arguments: argparse.Namespace, config: Config) -> int:
    """Name those who may sign in."""
    users = sorted(UsersFile(config.state_dir).read().values(), key=lambda user: user.name)
    if arguments.json:
        print_json({"users": [{"name": user.name, "role": user.role} for user in users]})
        return 0
    for user in users:
        print(f"{user.role:8} {user.name}")
    if not users:
        print("Nobody may sign in. Add somebody with `python -m rag user add NAME`.")
    return 0


def _password(name: str) -> str:
    """Return a password that was typed twice; of a pipe, its first line.

    Raises:
        AccessError: it will not do, or the two differ.
    """
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
        refuse_password(password, name)
        return password
    password = getpass.getpass("Password: ")
    refuse_password(password, name)
    if getpass.getpass("The same again: ") != password:
        raise AccessError("The two passwords differ. Nothing was changed.")
    return password
