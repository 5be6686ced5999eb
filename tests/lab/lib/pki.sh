# shellcheck shell=bash
# Certificates, users and kubeconfigs; all made anew for each lab and worth nothing outside it.

key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
# certificate NAME SUBJECT EXTENSIONS
certificate() {
	key "$1"
	openssl req -new -key "$1.key" -subj "$2" | openssl x509 -req -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 \
		-extfile <(printf 'basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\n%s\n' "$3") -out "$1.crt"
}

make_pki() (
	mkdir -p "$LAB/pki"
	cd "$LAB/pki"
	exec 2>"$LAB/log/pki.log"
	key ca
	openssl req -x509 -new -key ca.key -subj /CN=lab-ca -days 365 -out ca.crt \
		-addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
	certificate apiserver /CN=kube-apiserver \
		'extendedKeyUsage=serverAuth
subjectAltName=IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc'
	certificate postgres /CN=postgres 'extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost'
	certificate admin /O=system:masters/CN=admin extendedKeyUsage=clientAuth
	certificate readonly /CN=readonly extendedKeyUsage=clientAuth
	certificate kubelet /O=system:nodes/CN=system:node:lab extendedKeyUsage=clientAuth
	key sa
	openssl pkey -in sa.key -pubout -out sa.pub
	openssl rand -hex 16 >limited.token
	echo "$(cat limited.token),limited,limited" >tokens.csv
	make_kubeconfigs
)

inline() { base64 -w0 <"$1"; }
cluster() { echo "{name: $1, cluster: {server: 'https://127.0.0.1:$(port apiserver)', certificate-authority-data: $(inline ca.crt)}}"; }
by_certificate() { echo "{name: $1, user: {client-certificate-data: $(inline "$1.crt"), client-key-data: $(inline "$1.key")}}"; }
context() { echo "{name: $1, context: {cluster: $2, user: $3, namespace: $4}}"; }

# One user, one context: what the components themselves use.
component_kubeconfig() {
	cat <<-YAML
		apiVersion: v1
		kind: Config
		clusters: [$(cluster lab)]
		users: [$(by_certificate "$1")]
		contexts: [$(context lab lab "$1" default)]
		current-context: lab
	YAML
}

# For people and tests: one cluster under two names, and users with less and less to say.
make_kubeconfigs() {
	local name
	for name in admin kubelet; do component_kubeconfig $name >$name.kubeconfig; done
	cat >"$LAB/kubeconfig" <<-YAML
		apiVersion: v1
		kind: Config
		current-context: lab
		clusters:
		- $(cluster lab)
		- $(cluster prod-eu)
		users:
		- $(by_certificate admin)
		- $(by_certificate readonly)
		- {name: limited, user: {token: $(cat limited.token)}}
		contexts:
		- $(context lab lab admin shop)
		- $(context prod-eu prod-eu admin shop-production)
		- $(context readonly lab readonly shop)
		- $(context limited lab limited shop)
	YAML
	chmod 600 "$LAB/kubeconfig"
	give_back "$LAB/kubeconfig"
}
