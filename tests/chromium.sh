#!/bin/sh
# See chromium.py. What it becomes has this process's id and files.
exec setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice -- "$REAL_CHROMIUM" "$@"
