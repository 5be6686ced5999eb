# shellcheck shell=bash
# Components: each is a file in components/ with run_NAME (ends in `daemon PROGRAM …`), ready_NAME, and its port's name.

# In the order in which they are ended: the kubelet before the containers, the clients before their servers.
COMPONENTS=(kubelet controller-manager scheduler docker prometheus pushgateway alertmanager-1 alertmanager-2 github-proxy postgres registry apiserver etcd mounts)
for file in "$LAB_CODE"/components/*.sh; do
	# shellcheck source=/dev/null
	. "$file"
done

daemon() { exec setsid env "${WITHOUT_PROXY[@]}" "$@"; }
# The same inside the lab's own mount namespace.
daemon_inside() { daemon nsenter --mount="/proc/$(pid_of mounts)/ns/mnt" "$@"; }

known() { [[ " ${COMPONENTS[*]} " == *" $1 "* ]] || die "no component called $1; there are: ${COMPONENTS[*]}"; }
pid_of() { local pid; read -r pid _ 2>/dev/null <"$LAB/pid/$1" && echo "$pid"; }

# "state starttime" of a process; the name in the middle may hold blanks.
process_facts() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '{ print $1, $20 }'; }
# Alive, and still the process that was started (pids are used again), and no zombie.
alive() {
	local pid born state since
	[ -f "$LAB/pid/$1" ] && read -r pid born <"$LAB/pid/$1" || return 1
	read -r state since < <(process_facts "$pid") || return 1
	[ "$state" != Z ] && [ "$since" = "$born" ]
}
dead() { ! alive "$1"; }

start() {
	local name=$1 fn=${1//-/_} log="$LAB/log/$1.log" pid born
	! abandoned || exit 1
	alive "$name" && { say "$name runs already"; return 0; }
	(
		cd "$LAB"
		"run_$fn"
	) </dev/null >>"$log" 2>&1 &
	pid=$!
	read -r _ born < <(process_facts "$pid") || die "$name ended at once; read $log"
	echo "$pid $born" >"$LAB/pid/$name"
	wait_for 300 "$name" "$log" ready_or_dead "$name"
	alive "$name" || { tail -n 15 "$log" >&2; die "$name ended while starting; read $log"; }
	say "$name is ready"
}
ready() { "ready_${1//-/_}"; }
ready_or_dead() { dead "$1" || ready "$1"; }

# stop NAME [SECONDS]: ask, wait, then insist. An API server would wait a minute for its watchers, and PostgreSQL for whoever is connected.
stop() {
	local name=$1 patience=${2:-15} signal=TERM pid deadline
	[ "$name" != apiserver ] || patience=2
	[ "$name" != postgres ] || signal=INT
	alive "$name" || return 0
	pid=$(pid_of "$name")
	kill -$signal "$pid"
	deadline=$((SECONDS + patience))
	while alive "$name"; do
		[ $SECONDS -lt $deadline ] || { say "$name does not end; killing it"; kill_hard "$name"; }
		sleep 0.05
	done
}
kill_hard() {
	! alive "$1" || kill -KILL "$(pid_of "$1")"
	wait_for 10 "$1 ends" "$LAB/log/$1.log" dead "$1"
}
