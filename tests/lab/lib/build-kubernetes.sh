# shellcheck shell=bash
# Kubernetes 1.20.2 from Debian's own source package: about six minutes on two cores, once per machine.

build_kubernetes() {
	local out=$1 work tree go=/usr/lib/go-1.19/bin log=$CACHE/build.log
	work=$CACHE/build
	rm -rf "$work"
	mkdir -p "$work/go/src/k8s.io"
	say "building Kubernetes from Debian's source; about six minutes; log: $log"
	apt_install golang-1.19-go rsync make dpkg-dev golang-github-modern-go-reflect2-dev
	# In the background: after a bare `||` no failure inside would end it.
	(
		set -e
		cd "$work"
		fetch_source
		tree=$(echo "$work"/kubernetes-1.20*/)
		# 1.0.1 corrupts memory with any Go from 1.18 on when a map is written as JSON.
		rm -rf "$tree/vendor/github.com/modern-go/reflect2"
		cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$tree/vendor/github.com/modern-go/"
		ln -s "${tree%/}" "$work/go/src/k8s.io/kubernetes"
		export PATH=$go:$PATH GOPATH=$work/go GO111MODULE=off GOFLAGS='' CGO_ENABLED=0 GOCACHE=$work/cache HOME=$work
		cd "$work/go/src/k8s.io/kubernetes"
		# Debian's tarball lacks this generated file.
		make gen_openapi
		compile "$out"
	) >"$log" 2>&1 & wait $! || { tail -n 15 "$log" >&2; die "Kubernetes could not be built; read $log"; }
	rm -rf "$work"
	say "Kubernetes is built"
}

# A source list of our own, at the machine's own mirror, so that the machine's lists stay as they are.
fetch_source() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror apt
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
	[ -n "$mirror" ] || { echo "no source of bookworm main in apt's lists"; return 1; }
	mkdir -p "$PWD/lists/partial"
	echo "deb-src [signed-by=$keyring] $mirror bookworm main" >"$PWD/sources.list"
	apt=(-o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$PWD/lists" -o APT::Sandbox::User=root)
	apt-get "${apt[@]}" update -qq
	apt-get "${apt[@]}" source -qq kubernetes
}

# Without the version flags clients refuse the server.
compile() {
	local flags='-s -w' path
	for path in k8s.io/kubernetes/vendor/k8s.io/component-base/version k8s.io/component-base/version k8s.io/kubernetes/vendor/k8s.io/client-go/pkg/version; do
		flags+=" -X $path.gitVersion=v1.20.2 -X $path.gitMajor=1 -X $path.gitMinor=20 -X $path.gitTreeState=clean"
	done
	mkdir -p "$1"
	for path in "${KUBERNETES[@]}"; do go build -o "$1/$path" -ldflags "$flags" "k8s.io/kubernetes/cmd/$path"; done
}
