"""Fill an API server with a company's worth of pods: load_pods.py PODS HOST PORT PKI_FOLDER.

50 namespaces, 300 Deployments with two ReplicaSets each (the one before, scaled to nothing, and the one that runs), 200 nodes that do not
exist. Everything reads healthy: readiness, counts and revisions are what controllers and kubelets would have written.
"""

import multiprocessing
import sys
import time

from cluster import Api, Refused

NAMESPACES, DEPLOYMENTS, NODES, WORKERS = 50, 300, 200, 8
PODS, HOST, PORT, PKI = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def patiently(api, method, path, body):
    """A server that has too much to do says so (5xx) and is asked again: ten thousand pods are a lot for a small machine."""
    for _ in range(10):
        try:
            return api.call(method, path, body)
        except Refused as refused:
            if refused.code == 409 and method == "POST":
                return api.call("GET", f"{path}/{body['metadata']['name']}")
            if refused.code < 500:
                raise
            time.sleep(2)
    return api.call(method, path, body)


def create(api, path, body, status=None):
    made = patiently(api, "POST", path, body)
    if status:
        patiently(api, "PUT", f"{path}/{made['metadata']['name']}/status", {**made, "status": status})
    return made["metadata"]["uid"]


def names(d):
    """Namespace and name of the d-th Deployment."""
    return f"team-{d % NAMESPACES:02d}", f"svc-{d:03d}"


def replicas(d):
    """How many of the pods fall to the d-th Deployment: pod i belongs to Deployment i mod 300."""
    return PODS // DEPLOYMENTS + (1 if d < PODS % DEPLOYMENTS else 0)


def container(app, name, port, version):
    probe = {"httpGet": {"path": "/ready", "port": port}, "periodSeconds": 5}
    return {
        "name": name,
        "image": f"registry.example.com/platform/{app}-{name}:{version}",
        "ports": [{"containerPort": port, "name": "http"}],
        "env": [{"name": f"SETTING_{k}", "value": f"{app}-{k}.internal.example.com:80{k:02d}"} for k in range(12)],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
        "readinessProbe": probe,
        "livenessProbe": {**probe, "periodSeconds": 10},
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/settings"}],
    }


def template(d, revision):
    app = names(d)[1]
    version = f"v1.{d % 40}.{revision}"
    return {
        "metadata": {
            "labels": {"app": app, "app.kubernetes.io/name": app, "app.kubernetes.io/version": version},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "checksum/settings": "a3f5" * 16},
        },
        "spec": {
            "containers": [container(app, "app", 8080, version), container(app, "proxy", 15001, "v3.1.4")],
            "volumes": [{"name": "settings", "configMap": {"name": app}}],
        },
    }


def conditions(*kinds):
    return [{"type": k, "status": "True", "lastTransitionTime": NOW, "reason": "Loaded"} for k in kinds]


def owner(kind, name, uid):
    return [{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True, "blockOwnerDeletion": True}]


def hashed(d, revision):
    return f"{6000000 + d * 10 + revision:x}"


def deployment(api, d):
    """Create the d-th Deployment with its two ReplicaSets; the uid of the one that runs."""
    namespace, app = names(d)
    count = replicas(d)
    counts = {"replicas": count, "readyReplicas": count, "availableReplicas": count, "observedGeneration": 1}
    base = f"/apis/apps/v1/namespaces/{namespace}"
    selector = {"matchLabels": {"app": app}}
    uid = create(
        api,
        f"{base}/deployments",
        {
            "metadata": {"name": app, "labels": {"app": app}, "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "spec": {"replicas": count, "selector": selector, "template": template(d, 2)},
        },
        {**counts, "updatedReplicas": count, "conditions": conditions("Available", "Progressing")},
    )
    for revision, size in (1, 0), (2, count):
        body = template(d, revision)
        body["metadata"]["labels"]["pod-template-hash"] = hashed(d, revision)
        notes = {"deployment.kubernetes.io/revision": str(revision), "deployment.kubernetes.io/desired-replicas": str(count)}
        running = create(
            api,
            f"{base}/replicasets",
            {
                "metadata": {
                    "name": f"{app}-{hashed(d, revision)}",
                    "labels": body["metadata"]["labels"],
                    "annotations": notes,
                    "ownerReferences": owner("Deployment", app, uid),
                },
                "spec": {"replicas": size, "selector": {"matchLabels": {"app": app, "pod-template-hash": hashed(d, revision)}}, "template": body},
            },
            {**counts, "fullyLabeledReplicas": size} if size else {"replicas": 0, "observedGeneration": 1},
        )
    return running


def pod(i, owner_uid):
    d = i % DEPLOYMENTS
    app = names(d)[1]
    set_name = f"{app}-{hashed(d, 2)}"
    body = template(d, 2)
    body["metadata"]["labels"]["pod-template-hash"] = hashed(d, 2)
    body["metadata"].update(name=f"{set_name}-{i:05d}", ownerReferences=owner("ReplicaSet", set_name, owner_uid))
    body["spec"]["nodeName"] = f"node-{i % NODES:03d}"
    return body


def pod_status(i, body):
    def container_status(c):
        return {
            "name": c["name"], "image": c["image"], "ready": True, "started": True, "restartCount": 0, "lastState": {},
            "imageID": "docker-pullable://" + c["image"].split(":")[0] + "@sha256:" + "ab" * 32,
            "containerID": f"containerd://{i:064x}", "state": {"running": {"startedAt": NOW}},
        }  # fmt: skip

    address = f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"
    return {
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "hostIP": f"10.255.0.{i % NODES}", "startTime": NOW, "qosClass": "Burstable",
        "conditions": conditions("Initialized", "Ready", "ContainersReady", "PodScheduled"),
        "containerStatuses": [container_status(c) for c in body["spec"]["containers"]],
    }  # fmt: skip


def load(worker):
    """One worker's share: the Deployments whose number falls to it, and all of their pods."""
    api = Api(HOST, PORT, PKI)
    for d in range(worker, DEPLOYMENTS, WORKERS):
        uid = deployment(api, d)
        for i in range(d, PODS, DEPLOYMENTS):
            body = pod(i, uid)
            create(api, f"/api/v1/namespaces/{names(d)[0]}/pods", body, pod_status(i, body))


def main():
    began = time.time()
    api = Api(HOST, PORT, PKI)
    for n in range(NAMESPACES):
        create(api, "/api/v1/namespaces", {"metadata": {"name": f"team-{n:02d}"}})
    with multiprocessing.Pool(WORKERS) as pool:
        pool.map(load, range(WORKERS), chunksize=1)
    print(f"{PODS} pods of {DEPLOYMENTS} Deployments in {NAMESPACES} namespaces: {time.time() - began:.1f} s", file=sys.stderr)


main()
