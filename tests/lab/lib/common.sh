# shellcheck shell=bash
# What every script of the lab shares: where things are, how it speaks, waits, and becomes root.
set -euo pipefail

LAB_CODE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ROOT=$(cd "$LAB_CODE/../.." && pwd)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Everything the lab speaks to is on loopback; apt alone needs a proxy where there is one.
WITHOUT_PROXY=(-u http_proxy -u https_proxy -u all_proxy -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY)
direct() { env "${WITHOUT_PROXY[@]}" "$@"; }

BEGAN=${BEGAN:-$EPOCHREALTIME}
say() { awk -v a="$BEGAN" -v b="$EPOCHREALTIME" -v t="$*" 'BEGIN { printf "%6.1fs  %s\n", b - a, t }' >&2; }
die() { say "FAILED: $*"; exit 1; }

# Go on as root: at once, or through a sudo that asks nothing.
can_be_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
become_root() {
	[ "$(id -u)" = 0 ] && return 0
	can_be_root || die "the lab needs root, or a sudo that asks for no password"
	exec sudo -n env HOME="$HOME" BEGAN="$BEGAN" PATH="$PATH" \
		${XDG_CACHE_HOME:+XDG_CACHE_HOME="$XDG_CACHE_HOME"} ${KUBEBUILDER_ASSETS:+KUBEBUILDER_ASSETS="$KUBEBUILDER_ASSETS"} "$0" "$@"
}
# Give what the tests read to the user who called sudo.
give_back() { [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$@"; }

# Set when `up` was interrupted: whatever it still waits for in the background is not worth waiting for.
abandoned() { [ -e "$LAB/state/abandoned" ] && [ -z "${TIDYING:-}" ]; }

# wait_for SECONDS WHAT LOG COMMAND…: until the command succeeds, or fail and name the log to read.
wait_for() {
	local seconds=$1 what=$2 log=$3 deadline
	shift 3
	deadline=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		! abandoned || exit 1
		if [ $SECONDS -ge $deadline ]; then
			[ ! -f "$log" ] || tail -n 15 "$log" >&2
			die "$what: not within $seconds s; read $log"
		fi
		sleep 0.1
	done
}

fetch() { direct curl --silent --fail --max-time 5 "$@"; }

# Choose a free port for each name, below the range the kernel hands out, so that a stopped server finds its port again.
choose_ports() {
	python3 - "$@" >"$LAB/state/ports" <<-'PY'
		import random, socket, sys
		held = []
		for name in sys.argv[1:]:
		    while True:
		        s = socket.socket()
		        try: s.bind(("127.0.0.1", random.randrange(20000, 32000)))
		        except OSError: continue
		        held.append(s); print(name, s.getsockname()[1]); break
	PY
}
port() { awk -v n="$1" '$1 == n { print $2; found = 1 } END { exit !found }' "$LAB/state/ports"; }
# remember NAME VALUE, recall NAME: small facts of this lab.
remember() { printf '%s\n' "$2" >"$LAB/state/$1"; }
recall() { cat "$LAB/state/$1"; }
kctl() { direct kubectl --kubeconfig "$LAB/kubeconfig" --context lab "$@"; }
