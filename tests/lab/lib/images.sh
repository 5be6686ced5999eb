# shellcheck shell=bash
# Images made from busybox and a script, since none can be pulled: lab/app:1 … :3 (also in the registry) and lab/pause:1.

engine() { direct docker -H "unix://$LAB/docker.sock" "$@"; }

# image NAME TAG PROGRAM
image() {
	local root="$LAB/images/$1-$2" applet
	mkdir -p "$root"/{bin,etc,tmp,proc,sys,dev,www}
	cp "$(dpkg-query -L busybox-static | grep -m1 'bin/busybox$')" "$root/bin/busybox"
	for applet in $("$root/bin/busybox" --list); do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
	install -m 755 "$3" "$root/bin/$1"
	echo "$2" >"$root/etc/app-version"
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	tar -c -C "$root" . | engine import --change "ENTRYPOINT [\"/bin/$1\"]" --change 'EXPOSE 8080' \
		--change "LABEL org.opencontainers.image.version=$2" --change "LABEL org.opencontainers.image.title=$1" - "lab/$1:$2"
}

# Through the registry, and away again under that name: a pod's status would otherwise show either name.
push() {
	local there
	there=127.0.0.1:$(port registry)/lab/app:$1
	engine tag "lab/app:$1" "$there"
	engine push "$there" | sed -n 's/.*digest: \(sha256:[0-9a-f]*\).*/\1/p' >"$LAB/state/digest-$1"
	engine rmi --no-prune "$there"
}

make_images() {
	local tag jobs=()
	for tag in 1 2 3; do
		image app $tag "$LAB_CODE/files/app" & jobs+=($!)
	done
	image pause 1 "$LAB_CODE/files/pause" & jobs+=($!)
	wait_all "${jobs[@]}"
} >>"$LAB/log/images.log" 2>&1
push_images() { for tag in 1 2 3; do push $tag; done; } >>"$LAB/log/images.log" 2>&1
