"""What the planner looks up in its trees while edges change."""

from signaling.core.nodes import Node
from signaling.core.trees import DEPTHS, Trees


def test_depths_below_a_node_that_moved_follow_some_at_each_event() -> None:
    trees = Trees("publisher", 1)

    def add(name: str, parent: Node) -> Node:
        node = Node(name, 1, carries=True, slots=200)
        node.home.add(0)
        trees.add(node)
        trees.attach(node, 0, parent)
        return node

    near, far = add("near", trees.root), add("far", add("between", trees.root))
    top = add("top", near)
    below = [add(f"{number} below", add(f"{number}", top)) for number in range(DEPTHS + 10)]
    trees.settle_depths()
    assert {node.depth[0] for node in below} == {4}
    trees.detach(top, 0)
    trees.attach(top, 0, far)
    trees.settle_depths()
    assert {node.depth[0] for node in below} == {4, 5}
    trees.settle_depths()
    assert {node.depth[0] for node in below} == {5}


def test_head_that_has_no_child_yet_is_not_taken_for_idle() -> None:
    trees = Trees("publisher", 2)
    head = Node("head", 2, carries=True, slots=4)
    head.home.add(0)
    trees.add(head)

    def idle() -> bool:
        return [(level, list(nodes)) for level, nodes in trees.able.levels(9)] == [(0, [head])]

    assert idle()
    trees.attach(head, 1, trees.root)
    assert idle(), "it is at home elsewhere"
    trees.attach(head, 0, trees.root)
    assert not idle()
    trees.detach(head, 0)
    assert idle()
