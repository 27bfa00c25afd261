"""The options of each command and their help, a module for each.

What a command needs is imported only when it runs: all of it together takes most of a second. What the
commands do is in `peer.commands`.
"""
