"""The heads of stripes, shared out among the peers of a small room.

What a head lacks for a moment, its link to the publisher waiting for a packet that was lost twice, all lack
who are below it. As the head of one stripe it costs them one, which parity mends; as the head of several it
stops the room.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from signaling.core.nodes import COOLDOWN, SUPERIOR, Node
from signaling.core.trees import Trees

MANY_VIEWERS = 30
"""With more viewers the publisher feeds each stripe twice, until there are fewer than FEW_VIEWERS. Up to
then heads are shared: whoever comes between a head and the root moves all who are below."""


def shared_out(
    trees: Trees, node: Node, taken: Container[int] = (), has: int = 0, rest: float = 0.0
) -> tuple[Node, int] | None:
    """A head of two stripes more than `has`, and the one of them that a node had better take over.

    `taken`: stripes whose heads it takes over already; `rest`: seconds for which the head must have been one.
    """
    if len(trees.nodes) > MANY_VIEWERS:
        return None
    heads: dict[str, list[int]] = {}
    for stripe in node.takes:
        for child in trees.root.children[stripe].values():
            if stripe in child.home and stripe not in taken and not child.away and child is not node:
                heads.setdefault(child.id, []).append(stripe)
    most = max(heads, key=lambda peer: len(heads[peer]), default=None)
    if most is None or len(heads[most]) - has <= 1 or most in node.separated:
        return None
    head = trees.nodes[most]
    stripes = [stripe for stripe in heads[most] if trees.now - head.placed_at[stripe] >= rest]
    if not stripes:
        return None
    # Parity mends what the head of a stripe lacks only if it comes by another.
    return head, min(stripes, key=lambda stripe: (stripe != trees.stripes, len(head.children[stripe])))


def take_over(trees: Trees, node: Node, heads: Mapping[int, Node]) -> None:
    """Put a node between the root and the heads of some stripes, whose children it takes as far as it has
    room."""
    for stripe, head in heads.items():
        trees.detach(node, stripe)
        trees.detach(head, stripe)
        trees.attach(node, stripe, trees.root)
        trees.attach(head, stripe, node)
        head.home.discard(stripe)
        others = len([home for home in node.home if node.parents[home] is None])
        most = max(0, min(node.free - others, node.links - len(node.fed)))
        for child in list(head.children[stripe].values())[:most]:
            trees.detach(child, stripe)
            trees.attach(child, stripe, node)
        trees.refresh(head)


def share(trees: Trees, node: Node) -> bool:
    """Have a node become the head of a stripe in the place of one that heads two more; whether it does.

    Only where packets are lost, as who takes parity has found: elsewhere the move costs and mends nothing.
    """
    if not node.carries or node.free < 1 or not node.parity:
        return False
    found = shared_out(trees, node, has=trees.headed(node), rest=COOLDOWN)
    if found is None:
        return False
    head, stripe = found
    # Those children that it has no room for will be deeper.
    if 2 * node.free < len(head.children[stripe]) or not _stands(node, head):
        return False
    if not node.used:
        node.home.clear()
    node.home.add(stripe)
    take_over(trees, node, {stripe: head})
    trees.refresh(node)
    return True


def is_settled(trees: Trees, head: Node, node: Node) -> bool:
    """Whether a head keeps its place against a better one below it, which heads as many stripes."""
    few = len(trees.nodes) <= MANY_VIEWERS
    return few and trees.headed(head) <= trees.headed(node) and head.capacity.ceiling is None


def _stands(node: Node, head: Node) -> bool:
    """Whether the head would not take its place back: a node is not known to be weak, or not much weaker."""
    return node.capacity.ceiling is None or head.standing < node.standing + SUPERIOR
