"""What each command does between its options (`peer.cli`) and its exit code: a module for each."""
