# shellcheck shell=bash
# The engine, and the mount namespace in which it and the kubelet live: what they mount, and the paths they cannot be told to change,
# stay inside, and vanish with the last of them.

run_mounts() {
	local path
	for path in /var/log/pods /var/log/containers /run/containerd; do
		mkdir -p "$path" "$LAB/own$path"
	done
	# shellcheck disable=SC2016
	daemon unshare --mount --propagation slave bash -ec '
		for path in /var/log/pods /var/log/containers /run/containerd; do mount --bind "$1/own$path" "$path"; done
		# The kubelet sets these for the whole machine; here it writes to copies.
		for knob in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
			[ -e "/proc/sys/$knob" ] || continue
			mkdir -p "$1/own/sys/${knob%/*}"; cat "/proc/sys/$knob" >"$1/own/sys/$knob"; mount --bind "$1/own/sys/$knob" "/proc/sys/$knob"
		done
		touch "$1/state/mounted"
		exec tail -f /dev/null' mounts "$LAB"
}
ready_mounts() { [ -e "$LAB/state/mounted" ]; }

# Two engines must not share a bridge: one that stops would take the other's network away.
make_bridge() {
	local n
	for n in $(seq 0 250); do
		ip -4 route show | grep -q "10\.88\.$n\." && continue
		ip link add "plh-$n" type bridge 2>/dev/null || continue
		ip addr add "10.88.$n.1/24" dev "plh-$n" && ip link set "plh-$n" up
		remember bridge "plh-$n"
		remember gateway "10.88.$n.1"
		return 0
	done
	die "no free network for the lab's bridge"
}

# Without CAP_SYS_RESOURCE no negative oom score can be set, and then no pod's sandbox starts: ask runc for 0 instead.
write_runc() {
	cat >"$LAB/bin/runc-lab" <<-'SH'
		#!/bin/sh
		last=
		for word; do
			[ "$last" != --bundle ] || sed -i 's/"oomScoreAdj":-[0-9]*/"oomScoreAdj":0/' "$word/config.json"
			last=$word
		done
		exec runc "$@"
	SH
	chmod +x "$LAB/bin/runc-lab"
}

run_docker() {
	write_runc
	cat >"$LAB/docker.json" <<-JSON
		{ "data-root": "$LAB/docker", "exec-root": "$LAB/run", "pidfile": "$LAB/run/docker.pid", "hosts": ["unix://$LAB/docker.sock"],
		  "group": "${SUDO_GID:-0}", "bridge": "$(recall bridge)", "iptables": false, "ip-masq": false, "ip-forward": false,
		  "cgroup-parent": "/$(recall cgroup)", "exec-opts": ["native.cgroupdriver=cgroupfs"], "shutdown-timeout": 5,
		  "runtimes": {"lab": {"path": "$LAB/bin/runc-lab"}}, "default-runtime": "lab" }
	JSON
	daemon_inside dockerd --config-file "$LAB/docker.json"
}
ready_docker() { direct docker -H "unix://$LAB/docker.sock" version; }

run_registry() {
	cat >"$LAB/registry.yml" <<-YAML
		version: 0.1
		log: {level: warn}
		storage: {filesystem: {rootdirectory: $LAB/registry}, delete: {enabled: true}}
		http: {addr: "127.0.0.1:$(port registry)"}
	YAML
	daemon docker-registry serve "$LAB/registry.yml"
}
ready_registry() { fetch "http://127.0.0.1:$(port registry)/v2/"; }
