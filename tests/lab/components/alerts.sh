# shellcheck shell=bash
# Prometheus, the gateway that tests feed it through, and two Alertmanagers that gossip.

run_pushgateway() {
	daemon prometheus-pushgateway --web.listen-address="127.0.0.1:$(port pushgateway)"
}
ready_pushgateway() { fetch "http://127.0.0.1:$(port pushgateway)/-/ready"; }

# alertmanager NUMBER PEER
alertmanager() {
	mkdir -p "$LAB/alertmanager-$1"
	[ -e "$LAB/alertmanager-$1/config.yml" ] || cp "$LAB_CODE/files/alertmanager.yml" "$LAB/alertmanager-$1/config.yml"
	daemon prometheus-alertmanager --config.file="$LAB/alertmanager-$1/config.yml" --storage.path="$LAB/alertmanager-$1/data" \
		--web.listen-address="127.0.0.1:$(port "alertmanager-$1")" --cluster.listen-address="127.0.0.1:$(port "alertmanager-$1-gossip")" \
		--cluster.advertise-address="127.0.0.1:$(port "alertmanager-$1-gossip")" --cluster.peer="127.0.0.1:$(port "alertmanager-$2-gossip")" \
		--cluster.settle-timeout=2s --cluster.gossip-interval=100ms --cluster.pushpull-interval=5s --cluster.reconnect-interval=1s
}
run_alertmanager_1() { alertmanager 1 2; }
run_alertmanager_2() { alertmanager 2 1; }
ready_alertmanager_1() { fetch "http://127.0.0.1:$(port alertmanager-1)/-/ready"; }
ready_alertmanager_2() { fetch "http://127.0.0.1:$(port alertmanager-2)/-/ready"; }

run_prometheus() {
	mkdir -p "$LAB/prometheus/rules"
	[ -e "$LAB/prometheus/rules/lab.yml" ] || cp "$LAB_CODE/files/rules.yml" "$LAB/prometheus/rules/lab.yml"
	local name
	sed "$(for name in prometheus pushgateway alertmanager-1 alertmanager-2; do echo "s/@$name@/127.0.0.1:$(port $name)/g;"; done)" \
		"$LAB_CODE/files/prometheus.yml" >"$LAB/prometheus/prometheus.yml"
	give_back -R "$LAB/prometheus/rules"
	daemon prometheus --config.file="$LAB/prometheus/prometheus.yml" --storage.tsdb.path="$LAB/prometheus/data" \
		--web.listen-address="127.0.0.1:$(port prometheus)" --web.enable-lifecycle --web.enable-admin-api --rules.alert.resend-delay=5s
}
ready_prometheus() { fetch "http://127.0.0.1:$(port prometheus)/-/ready"; }
