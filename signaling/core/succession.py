"""Who takes the place of a node that goes, so that its children stay together and nothing below moves."""

from signaling.core.nodes import Node
from signaling.core.placement import Placement
from signaling.core.trees import SCAN, Trees


def succeed(trees: Trees, placement: Placement, node: Node, stripe: int) -> None:
    """Take a node out of a stripe's tree.

    Its heir is the child that can feed all its brothers and gives most, else one who feeds nobody yet; whom
    the heir has no slots for is placed anew.
    """
    above = node.parents[stripe]
    children = list(node.children[stripe].values())
    for child in children:
        trees.detach(child, stripe)
    trees.detach(node, stripe)
    placement.satisfied(node, stripe)
    heir = _heir(trees, children, stripe) if children else None
    if heir is None or above is None or not _can_follow(trees, heir, above, stripe):
        for child in children:
            placement.want(child, stripe)
        return
    trees.detach(heir, stripe)
    trees.attach(heir, stripe, above)
    # Those with children first: below a leaf nobody notices if it has to go further down.
    for child in sorted(children, key=lambda child: -len(child.children[stripe])):
        if child is heir:
            continue
        if heir.has_room and trees.fits(heir, child, stripe):
            trees.attach(child, stripe, heir)
        else:
            placement.want(child, stripe)


def _heir(trees: Trees, children: list[Node], stripe: int) -> Node | None:
    needed = len(children)
    among = [child for child in children if child.has_room and stripe in child.home]
    best = max(among, key=lambda child: (child.free >= needed - 1, child.standing, child.free), default=None)
    if best is not None and best.free >= needed - 1:
        return best
    fit = [best] if best is not None else []
    for _, level in trees.reserve[stripe].levels(SCAN):
        trees.touched += len(level)
        # Whom the introducer does not hear from now has no room, so it is not on this shelf.
        fit.extend(level)
        if any(node.free >= needed for node in level):
            break
    if not fit:
        # The one child of a node just moves up.
        return children[0] if needed == 1 else None
    return max(fit, key=lambda node: (min(node.free + (node is best), needed), node.standing, -node.free))


def _can_follow(trees: Trees, heir: Node, above: Node, stripe: int) -> bool:
    if above.expected or above.away or heir.away:
        return False
    return above.has_link(heir) and trees.fits(above, heir, stripe)
