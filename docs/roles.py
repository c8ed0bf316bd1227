"""The reference page of roles, from the tables that decide."""

import ast
import inspect
from collections.abc import Callable

from backend.doors import DOORS, Need
from layers import load_layers
from twin.access import KEY, ROLES, AccessClass, Right

Table = Callable[..., str]


def roles_page(table: Table) -> str:
    """Return what each role may see and do, and what opens each route."""
    names, texts = list(ROLES), member_texts(Right)
    layers = [layer.spec for layer in load_layers().values()]
    classes = (
        (
            access.name.lower(), ", ".join(f"`{one.id}`" for one in layers if one.access_class == access),
            *("yes" if access <= ROLES[name].clearance else "" for name in names),
            "yes" if access <= KEY.clearance else "",
        )
        for access in AccessClass
    )  # fmt: skip
    rights = (
        (
            f"`{right.value}`", texts[right.name], *("yes" if right in ROLES[name].rights else "" for name in names),
            "yes" if right in KEY.rights else "",
        )
        for right in Right
    )  # fmt: skip
    return (
        "# Roles\n\nSeeing goes by class, doing by right. The last column is the installation's own key. "
        "How to make accounts: [accounts, keys and access](../how-to/keys-and-access.md).\n\n## May see\n\n"
        + table(("class", "layers", *names, "key"), classes)
        + "## May do\n\n"
        + table(("right", "for", *names, "key"), rights)
        + "## What opens each route\n\nA class or a right; `layer`: the class of the layer that is named, or a grant; "
        "`own`: somebody who is signed in. Public routes that list layers tell what the caller may see of them.\n\n"
        + table(("route", "needs"), ((f"`{door}`", need_text(need)) for door, need in DOORS.items()))
    )


def need_text(need: Need) -> str:
    """Return what a route needs, in words."""
    if isinstance(need, tuple):
        return " or ".join(need_text(one) for one in need)
    if isinstance(need, Right):
        return f"right `{need.value}`"
    return f"`{need}`" if isinstance(need, str) else need.name.lower()


def member_texts(kind: type) -> dict[str, str]:
    """Return the docstrings under the members of an enumeration."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        field.targets[0].id: inspect.cleandoc(str(following.value.value))
        for field, following in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.Assign) and isinstance(field.targets[0], ast.Name)
        and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
    }  # fmt: skip
