"""A host that lives in the test's memory and keeps the contract; it can be told to misbehave."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from safehold.hosts import contract
from safehold.hosts import service as hosts
from safehold.subjects.models import Host

POSTED = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@dataclass
class World:
    """Accounts and items of one host, every order that came, and what goes wrong."""

    accounts: dict[str, contract.AccountFacts] = field(default_factory=dict)
    items: dict[str, contract.ItemFacts] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    contexts: dict[str, contract.Context] = field(default_factory=dict)  # by item; without one it is Unsupported
    asked: list[str] = field(default_factory=list)  # items whose context was asked for
    orders: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[tuple[str, str, str]] = field(default_factory=list)
    broken: dict[str, Exception] = field(default_factory=dict)  # method name -> what it raises
    deaf: set[str] = field(default_factory=set)  # orders that are taken and not done

    def add_account(self, id: str, **facts: object) -> None:  # noqa: A002
        usual = {"handle": f"@{id}", "status": contract.AccountStatus.ACTIVE, "emails": (f"{id}@mail.example",)}
        given = {**usual, **facts}
        self.accounts[id] = contract.AccountFacts(id=id, **given)  # type: ignore[arg-type]

    def add_item(self, id: str, account: str, body: bytes = b"", **facts: object) -> None:  # noqa: A002
        media = {"media_type": "image/png", "file_name": f"{id}.png"} if body else {}
        given = {"kind": "post", "status": contract.ItemStatus.VISIBLE, "posted_at": POSTED}
        given["text"] = f"placeholder message {id}"
        self.items[id] = contract.ItemFacts(id=id, account_id=account, **{**given, **media, **facts})  # type: ignore[arg-type]
        if body:
            self.bodies[id] = body

    def add_thread(self, item: str, *others: contract.ContextMessage, **facts: object) -> None:
        """The item among other messages, as the item's own facts tell it."""
        own = self.items[item]
        message = contract.ContextMessage(id=item, at=own.posted_at, sender=own.account_id, text=own.text)
        recipients = tuple(facts.pop("recipients", ()))  # type: ignore[arg-type]
        message = msgspec.structs.replace(message, recipients=recipients)
        rows = sorted([message, *others], key=lambda one: one.at or POSTED)
        self.contexts[item] = contract.Context(messages=tuple(rows), about=item, **facts)  # type: ignore[arg-type]


class Line:
    """The contract's `Contact` over a World."""

    abilities = contract.Abilities(orders=frozenset({"hide_item", "suspend_account"}), context=True)

    def __init__(self, world: World) -> None:
        self.world = world

    def _check(self, name: str) -> None:
        if name in self.world.broken:
            raise self.world.broken[name]

    def ping(self) -> str:
        return "memory 1"

    def find(self, link_or_name: str) -> contract.Found:
        self._check("find")
        key = link_or_name.rsplit("/", 1)[-1].lstrip("@")
        if key in self.world.items:
            item = self.world.items[key]
            return contract.Found(account=self.world.accounts.get(item.account_id), item=item)
        return contract.Found(account=self.account(key))

    def account(self, account_id: str) -> contract.AccountFacts:
        self._check("account")
        if account_id not in self.world.accounts:
            raise contract.NotFound(f"no account {account_id}")
        return self.world.accounts[account_id]

    def item(self, item_id: str) -> contract.ItemFacts:
        self._check("item")
        if item_id not in self.world.items:
            raise contract.NotFound(f"no item {item_id}")
        return self.world.items[item_id]

    def items_of(self, account_id: str, limit: int = 50) -> list[contract.ItemFacts]:
        return [item for item in self.world.items.values() if item.account_id == account_id][:limit]

    @contextmanager
    def open_item(self, item_id: str) -> Iterator[Iterator[bytes]]:
        self._check("open_item")
        if item_id not in self.world.bodies:
            raise contract.NotFound(f"no file {item_id}")
        yield iter([self.world.bodies[item_id]])

    def context(
        self,
        item_id: str,
        *,
        named_as: tuple[str, ...] = (),  # noqa: ARG002
        before: int = 20,
        after: int = 20,
    ) -> contract.Context:
        self.world.asked.append(item_id)
        self._check("context")
        if item_id not in self.world.contexts:
            raise contract.Unsupported("no context here")
        return contract.window(self.world.contexts[item_id], before=before, after=after)

    def _order(self, name: str, target: str, key: str) -> bool:
        self._check(name)
        self.world.orders.append((name, target, key))
        return name not in self.world.deaf

    def _set_item(self, name: str, item_id: str, key: str, status: contract.ItemStatus) -> None:
        if self._order(name, item_id, key):
            self.world.items[item_id] = msgspec.structs.replace(self.item(item_id), status=status)

    def _set_account(self, name: str, account_id: str, key: str, status: contract.AccountStatus) -> None:
        if self._order(name, account_id, key):
            self.world.accounts[account_id] = msgspec.structs.replace(self.account(account_id), status=status)

    def hide_item(self, item_id: str, *, key: str) -> None:
        self._set_item("hide_item", item_id, key, contract.ItemStatus.HIDDEN)

    def restore_item(self, item_id: str, *, key: str) -> None:
        self._set_item("restore_item", item_id, key, contract.ItemStatus.VISIBLE)

    def purge_item(self, item_id: str, *, key: str) -> None:
        if self._order("purge_item", item_id, key):
            self.world.items.pop(item_id, None)
            self.world.bodies.pop(item_id, None)

    def suspend_account(self, account_id: str, *, key: str) -> None:
        self._set_account("suspend_account", account_id, key, contract.AccountStatus.SUSPENDED)

    def lock_account(self, account_id: str, *, key: str) -> None:
        if self.account(account_id).status != contract.AccountStatus.SUSPENDED:
            self._set_account("lock_account", account_id, key, contract.AccountStatus.LOCKED)

    def restore_account(self, account_id: str, *, key: str) -> None:
        self._set_account("restore_account", account_id, key, contract.AccountStatus.ACTIVE)

    def tell_account(self, account_id: str, *, subject: str, text: str, link: str, key: str) -> None:  # noqa: ARG002
        self._check("tell_account")
        if key not in [told[2] for told in self.world.told]:
            self.world.told.append((account_id, link, key))


def make(slug: str = "memory") -> tuple[Host, World]:
    """A host's row and the world behind it."""
    world = World()
    hosts.ADAPTERS[f"memory-{slug}"] = lambda _host: Line(world)
    host = Host.objects.create(
        slug=slug,
        name="Memory Host",
        adapter=f"memory-{slug}",
        base_url=f"https://{slug}.test",
        origins=[f"https://{slug}.test"],
    )
    return host, world
