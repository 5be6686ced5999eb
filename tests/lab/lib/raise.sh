# shellcheck shell=bash
# The beginning that every cluster shares, the whole lab and the one of the benches.

# Take DIR (or a new folder) for a lab; whatever fails from here on is taken down again.
claim() {
	LAB=$(realpath -m "${1:-$(mktemp -d /tmp/pilothouse-lab.XXXXXX)}")
	[ ! -e "$LAB/state/up" ] || die "a lab is up in $LAB already; tests/lab/status $LAB shows it, tests/lab/down $LAB ends it"
	[ ${#LAB} -le 60 ] || die "$LAB is too long a name: the sockets below it may have 108 characters in all"
	trap give_up EXIT
	trap 'exit 130' INT TERM
	mkdir -p "$LAB"/{state,pid,log,bin}
	touch "$LAB/state/up"
}
give_up() {
	local code=$?
	[ $code != 0 ] || return 0
	say "it did not come up; taking it down"
	touch "$LAB/state/abandoned"
	wait
	if [ $code != 130 ]; then
		rm -rf "$LAB.log"
		cp -r "$LAB/log" "$LAB.log"
		say "its logs stay in $LAB.log"
	fi
	"$LAB_CODE/down" "$LAB"
	exit $code
}

# Wait for each of these jobs; fail when one failed.
wait_all() {
	local job failed=0
	for job in "$@"; do wait "$job" || failed=1; done
	return $failed
}

# Programs, ports and certificates.
prepare() {
	local packages programs
	install_packages & packages=$!
	kubernetes_programs >"$LAB/state/assets" & programs=$!
	wait_all $packages $programs
	choose_ports etcd etcd-peer apiserver controller-manager scheduler kubelet kubelet-health registry prometheus pushgateway \
		alertmanager-1 alertmanager-1-gossip alertmanager-2 alertmanager-2-gossip github github-proxy postgres
	remember cgroup "pilothouse-$(port apiserver)"
	remember postgres-password "$(openssl rand -hex 16)"
	make_pki & wait $! || die "no certificates; read $LAB/log/pki.log"
	say "certificates are made"
}
