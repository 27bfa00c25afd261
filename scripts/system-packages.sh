#!/usr/bin/env bash
# Sees to it that system programs are there. As root on Debian or Ubuntu it installs what is missing; elsewhere it says in
# one sentence what to install.
# Usage: scripts/system-packages.sh [PYTHON for its venv module] -- PROGRAM...   (programs: chromium ffmpeg, and those below)
set -euo pipefail

missing=()

if [ "$1" != "--" ]; then
  python=$1
  shift
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
  fi
fi
shift

for program in "$@"; do
  case $program in
    chromium)
      # The names under which tests/conftest.py looks for it.
      if [ -z "${BRAIDCAST_CHROMIUM:-}" ] && ! command -v chromium chromium-browser google-chrome >/dev/null; then
        if grep -q '^ID=ubuntu' /etc/os-release 2>/dev/null; then
          missing+=(chromium-browser fonts-liberation) # Ubuntu's own name for it
        else
          missing+=(chromium fonts-liberation)
        fi
      fi
      ;;
    ip | tc) command -v "$program" >/dev/null || missing+=(iproute2) ;;
    nft) command -v nft >/dev/null || missing+=(nftables) ;;
    gcc) command -v gcc >/dev/null || missing+=(gcc libc6-dev) ;;
    turnserver) command -v turnserver >/dev/null || missing+=(coturn) ;;
    *) command -v "$program" >/dev/null || missing+=("$program") ;;
  esac
done

[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]} with apt-get."
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    # Tests start servers of their own; the packages' would listen on this machine from now on.
    for service in coturn nginx caddy; do
      if [[ " ${missing[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then
        systemctl disable --quiet --now "$service"
      fi
    done
    exit 0
  fi
fi
echo "Please install ${missing[*]} (on Debian or Ubuntu: sudo apt-get install ${missing[*]}), then run make again." >&2
exit 1
