# shellcheck shell=bash
# The control plane and the node. `$(recall assets)` is the folder with the four programs.

run_apiserver() {
	local more=()
	[ ! -f "$LAB/state/apiserver-flags" ] || more=("$(recall apiserver-flags)")
	daemon "$(recall assets)/kube-apiserver" --etcd-servers="http://127.0.0.1:$(port etcd)" \
		--bind-address=127.0.0.1 --endpoint-reconciler-type=none --secure-port="$(port apiserver)" --cert-dir="$LAB/pki" \
		--client-ca-file="$LAB/pki/ca.crt" --tls-cert-file="$LAB/pki/apiserver.crt" --tls-private-key-file="$LAB/pki/apiserver.key" \
		--token-auth-file="$LAB/pki/tokens.csv" --authorization-mode=Node,RBAC --allow-privileged=true \
		--service-account-key-file="$LAB/pki/sa.pub" --service-account-signing-key-file="$LAB/pki/sa.key" \
		--service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.96.0.0/16 \
		--kubelet-client-certificate="$LAB/pki/admin.crt" --kubelet-client-key="$LAB/pki/admin.key" --kubelet-preferred-address-types=InternalIP \
		--max-requests-inflight=2000 --max-mutating-requests-inflight=1000 --profiling=false "${more[@]}"
}
ready_apiserver() {
	fetch --cacert "$LAB/pki/ca.crt" --cert "$LAB/pki/admin.crt" --key "$LAB/pki/admin.key" "https://127.0.0.1:$(port apiserver)/readyz"
}

# A node that goes silent is noticed within 20 s (40 s by default), so that tests need not wait long.
run_controller_manager() {
	daemon "$(recall assets)/kube-controller-manager" --kubeconfig="$LAB/pki/admin.kubeconfig" --leader-elect=false \
		--bind-address=127.0.0.1 --port=0 --secure-port="$(port controller-manager)" --cert-dir="$LAB/pki" \
		--service-account-private-key-file="$LAB/pki/sa.key" --root-ca-file="$LAB/pki/ca.crt" \
		--node-monitor-grace-period=20s --node-monitor-period=2s --kube-api-qps=200 --kube-api-burst=400
}
ready_controller_manager() { fetch --insecure "https://127.0.0.1:$(port controller-manager)/healthz"; }

run_scheduler() {
	daemon "$(recall assets)/kube-scheduler" --kubeconfig="$LAB/pki/admin.kubeconfig" --leader-elect=false \
		--bind-address=127.0.0.1 --address=127.0.0.1 --port=0 --secure-port="$(port scheduler)" --cert-dir="$LAB/pki" \
		--kube-api-qps=200 --kube-api-burst=400
}
ready_scheduler() { fetch --insecure "https://127.0.0.1:$(port scheduler)/healthz"; }

# The node's address is the bridge's: loopback is not accepted as one, and nothing need be known of the machine's network.
kubelet_config() {
	cat <<-YAML
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		address: $(recall gateway)
		port: $(port kubelet)
		healthzPort: $(port kubelet-health)
		readOnlyPort: 0
		authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $LAB/pki/ca.crt}}
		authorization: {mode: AlwaysAllow}
		cgroupDriver: cgroupfs
		cgroupsPerQOS: false
		enforceNodeAllocatable: []
		failSwapOn: false
		evictionHard: {nodefs.available: "1%"}
		imageGCHighThresholdPercent: 100
		makeIPTablesUtilChains: false
		clusterDNS: [10.96.0.10]
		clusterDomain: cluster.local
		resolvConf: $LAB/kubelet.resolv
		volumePluginDir: $LAB/kubelet/plugins
		nodeLeaseDurationSeconds: 12
		nodeStatusUpdateFrequency: 2s
		eventRecordQPS: 0
		kubeAPIQPS: 100
		kubeAPIBurst: 200
	YAML
}
run_kubelet() {
	kubelet_config >"$LAB/kubelet.yaml"
	: >"$LAB/kubelet.resolv"
	daemon_inside "$(recall assets)/kubelet" --config="$LAB/kubelet.yaml" --kubeconfig="$LAB/pki/kubelet.kubeconfig" \
		--root-dir="$LAB/kubelet" --cert-dir="$LAB/pki" --hostname-override=lab --node-ip="$(recall gateway)" \
		--container-runtime=docker --docker-endpoint="unix://$LAB/docker.sock" --docker="unix://$LAB/docker.sock" \
		--container-runtime-endpoint="unix://$LAB/dockershim.sock" --experimental-dockershim-root-directory="$LAB/dockershim" \
		--pod-infra-container-image=lab/pause:1
}
ready_kubelet() {
	fetch "http://127.0.0.1:$(port kubelet-health)/healthz" &&
		kctl get node lab -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' | grep -q True
}
