# shellcheck shell=bash
# What the lab needs on the machine: Debian's packages, and the Kubernetes programs.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/pilothouse-lab
KUBERNETES=(kube-apiserver kube-controller-manager kube-scheduler kubelet)
ARCHIVE=kubernetes-1.20.2-linux-amd64.tar.xz
ARCHIVE_SHA256=1df522748dd6441d0c05f8833f8cb9db2605df2da0a66f4a7acb2d3cbe3de084

# "program package": a program that is there is used, whoever put it there.
PROGRAMS="curl curl
openssl openssl
python3 python3
ip iproute2
xz xz-utils
node nodejs
npm npm
kubectl kubernetes-client
etcd etcd-server
dockerd docker.io
docker docker.io
docker-registry docker-registry
prometheus prometheus
prometheus-alertmanager prometheus-alertmanager
prometheus-pushgateway prometheus-pushgateway"

missing_packages() {
	local program package
	while read -r program package; do
		command -v "$program" >/dev/null || echo "$package"
	done <<<"$PROGRAMS" | sort -u
	dpkg-query -W busybox-static >/dev/null 2>&1 || echo busybox-static
	# Debian keeps its servers out of PATH.
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql
	# Helm's engine is installed into an environment of its own.
	python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
	# npm trusts whom the system trusts.
	[ -e /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
	# An engine on a kernel with AppArmor cannot start a container without its parser.
	! grep -qs Y /sys/module/apparmor/parameters/enabled || command -v apparmor_parser >/dev/null || echo apparmor
}

# Install quietly, one at a time, and start none of the services: the lab starts its own.
apt_install() {
	mkdir -p "$CACHE"
	(
		flock 8
		local policy=/usr/sbin/policy-rc.d mine='' status=0
		if [ ! -e "$policy" ]; then
			printf '#!/bin/sh\nexit 101\n' >"$policy"
			chmod +x "$policy"
			mine=yes
		fi
		# Lists may be missing or old: fetch them, but only then.
		apt_get "$@" || { apt-get update -qq -o DPkg::Lock::Timeout=300; apt_get "$@"; } || status=$?
		[ -z "$mine" ] || rm -f "$policy"
		exit $status
	) 8>"$CACHE/lock-apt" >>"$CACHE/apt.log" 2>&1 || { tail -n 15 "$CACHE/apt.log" >&2; die "apt-get could not install $*; read $CACHE/apt.log"; }
}
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "$@" 8>&-; }

install_packages() {
	local packages
	mapfile -t packages < <(missing_packages)
	[ ${#packages[@]} -gt 0 ] || { say "packages are all there"; return 0; }
	say "installing ${packages[*]}"
	apt_install "${packages[@]}"
	say "packages are installed"
}

complete() { local p; for p in "${KUBERNETES[@]}"; do [ -x "$1/$p" ] || return 1; done; }

# The shared archive lies beside the repository; in a worktree, beside the main one.
archive() {
	local main
	main=$(git -C "$ROOT" rev-parse --path-format=absolute --git-common-dir 2>/dev/null || true)
	ls "$ROOT/../shared/lab/$ARCHIVE" ${main:+"$main/../../shared/lab/$ARCHIVE"} 2>/dev/null | head -n 1
}

# Print the folder with the Kubernetes programs.
kubernetes_programs() {
	local archive folder=$CACHE/kubernetes-1.20.2
	if [ -n "${KUBEBUILDER_ASSETS:-}" ] && complete "$KUBEBUILDER_ASSETS"; then
		echo "$KUBEBUILDER_ASSETS"
		return 0
	fi
	mkdir -p "$CACHE"
	(
		flock 9
		complete "$folder" && exit 0
		rm -rf "$folder.new"
		mkdir -p "$folder.new"
		archive=$(archive)
		if [ -n "$archive" ]; then
			say "unpacking $ARCHIVE"
			echo "$ARCHIVE_SHA256  $archive" | sha256sum --check --status || die "$archive is not the archive that it should be (sha256)"
			tar -xJf "$archive" -C "$folder.new"
		else
			# shellcheck source=build-kubernetes.sh
			. "$LAB_CODE/lib/build-kubernetes.sh"
			build_kubernetes "$folder.new"
		fi
		complete "$folder.new" || die "$folder.new lacks one of ${KUBERNETES[*]}"
		rm -rf "$folder"
		mv "$folder.new" "$folder"
	) 9>"$CACHE/lock" >&2 || return 1
	echo "$folder"
}
