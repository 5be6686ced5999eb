# shellcheck shell=bash
run_etcd() {
	local client peer
	client=http://127.0.0.1:$(port etcd) peer=http://127.0.0.1:$(port etcd-peer)
	daemon etcd --name lab --data-dir "$LAB/etcd" --unsafe-no-fsync --logger zap --log-outputs stderr --log-level warn \
		--listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
		--initial-advertise-peer-urls "$peer" --initial-cluster "lab=$peer" --quota-backend-bytes 4294967296
}
ready_etcd() { fetch "http://127.0.0.1:$(port etcd)/health" | grep -q '"true"'; }
