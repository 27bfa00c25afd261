"""What people, moderators and the owner of a room do in a day, at random."""

from __future__ import annotations

from random import Random

from peer.core.chat_acts import ChatError, Delete, Edit, Reaction
from tests.unit.peer.core.chat_network import ChatNetwork, Node, identity
from tests.unit.peer.core.test_chat_convergence import walk

OWNER = identity("owner")


def moderated(network: ChatNetwork, nodes: list[Node], steps: list[tuple[str, int, int]]) -> None:
    """Do what the steps say, as far as those who are to do it may."""
    for verb, first, second in steps:
        a, b = nodes[first % len(nodes)], nodes[second % len(nodes)]
        try:
            match verb:
                case "ban" | "unban" | "mute" | "unmute" | "kick":
                    a.rule(verb, b)
                case "appoint" | "dismiss":
                    a.rule("grant" if verb == "appoint" else "revoke", b, role="moderator")
                case "admit" | "expel":
                    a.rule("grant" if verb == "admit" else "revoke", b, role="member")
                case "lock":
                    a.rule("lock", role="member" if second % 2 else "moderator")
                case "unlock":
                    a.rule("unlock")
                case "slow":
                    a.rule("slow", seconds=second)
                case "settle":
                    a.settle(second)
                case "remove":
                    remove(a, b)
                case "edit" | "delete" | "react":
                    act(a, verb, second)
                case "say":
                    a.say(f"{network.now} by {a.name}")
                case _:
                    walk(network, nodes, [(verb, first, second)])
        except ChatError:
            continue  # it may not


def remove(node: Node, other: Node) -> None:
    theirs = [entry for entry in node.log.messages() if entry.key == other.identity.key]
    if theirs:
        node.rule("delete", other, target=theirs[-1].id)


def act(node: Node, verb: str, number: int) -> None:
    seen = [entry for entry in node.log.messages() if entry.key == node.identity.key or verb == "react"]
    if seen:
        target = seen[number % len(seen)].id
        if verb == "react":
            node.do(Reaction(target, "👍", True))
        else:
            node.do(Edit(target, f"edited {number}") if verb == "edit" else Delete(target))


def long_day(chance: Random, checkpoints: int = 0) -> list[tuple[str, int, int]]:
    """Much is said, the room falls apart and together, and its owner and moderators have much to do."""
    verbs = [
        "say",
        "edit",
        "react",
        "delete",
        "appoint",
        "dismiss",
        "ban",
        "unban",
        "mute",
        "unmute",
        "admit",
    ]
    weights = [12, 2, 2, 1, 2, 1, 2, 2, 2, 2, 1]
    verbs += ["expel", "lock", "unlock", "slow", "remove", "kick", "cut", "link", "part", "wait"]
    weights += [1, 1, 1, 1, 1, 1, 3, 3, 1, 4]
    if checkpoints:
        verbs, weights = [*verbs, "settle"], [*weights, checkpoints]
    steps = []
    for verb in chance.choices(verbs, weights, k=90):
        by_owner = verb in ("appoint", "dismiss", "settle") or chance.random() < 0.3
        first = 0 if by_owner and verb not in ("part", "wait") else chance.randint(0, 20)
        steps.append(
            (verb, first, chance.randint(0, 40) if verb in ("edit", "react") else chance.randint(0, 4))
        )
    return steps
