# shellcheck shell=bash
# PostgreSQL, as a team keeps its journal in it: on loopback and on a socket, with TLS for who wants it, with a password for everybody.

postgres_bin() { ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1; }
# It does not run as root; Debian's package has made this user.
as_postgres() { direct HOME="$LAB/postgres" setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; }
run_postgres() {
	local home=$LAB/postgres bin
	bin=$(postgres_bin)
	if [ ! -e "$home/data" ]; then
		mkdir -p "$home"
		cp "$LAB"/pki/postgres.{crt,key} "$home"
		recall postgres-password >"$home/password"
		chown -R postgres:postgres "$home"
		chmod 600 "$home"/{postgres.key,password}
		# It must find its way into the lab, and see nothing there.
		chmod o+x "$LAB"
		as_postgres "$bin/initdb" --pgdata="$home/new" --username=lab --pwfile="$home/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync
		mv "$home/new" "$home/data"
	fi
	# One that was killed leaves its mark, and for a moment its children, who work in that folder.
	while find /proc -maxdepth 2 -name cwd -lname "$home/data" 2>/dev/null | grep -q .; do sleep 0.05; done
	rm -f "$home/data/postmaster.pid" "$home"/.s.PGSQL.*
	daemon setpriv --reuid=postgres --regid=postgres --clear-groups "$bin/postgres" -D "$home/data" -c listen_addresses=127.0.0.1 \
		-c port="$(port postgres)" -c unix_socket_directories="$home" -c ssl=on -c ssl_cert_file="$home/postgres.crt" -c ssl_key_file="$home/postgres.key" \
		-c max_connections=200
}
ready_postgres() { "$(postgres_bin)/pg_isready" --quiet --host=127.0.0.1 --port="$(port postgres)"; }
