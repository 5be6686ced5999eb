"""The cluster of the measures, as its administrator."""

import http.client
import json
import ssl
import time


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, what, code, text):
        super().__init__(f"{what}: {code} {text}")
        self.code = code


class Api:
    """One kept connection to an API server."""

    def __init__(self, host, port, pki):
        context = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        context.load_cert_chain(f"{pki}/admin.crt", f"{pki}/admin.key")
        self.connection = http.client.HTTPSConnection(host, port, context=context, timeout=60)

    def send(self, method, path, body=None, kind="application/json"):
        """Sends a request; when it had left."""
        self.connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": kind})
        return time.monotonic()

    def receive(self, what):
        """The answer to what was sent."""
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status not in (200, 201):
            raise Refused(what, answer.status, text[:300].decode())
        return text

    def call(self, method, path, body=None):
        self.send(method, path, body)
        return json.loads(self.receive(f"{method} {path}"))


class Cluster:
    """A cluster that load-pods has loaded."""

    def __init__(self, lab):
        with open(f"{lab}/state/ports") as lines:
            ports = dict(line.split()[:2] for line in lines)
        self.api = Api("127.0.0.1", int(ports["apiserver"]), f"{lab}/pki")

    def find(self, service):
        """The path of the Deployment that runs a service, and how many pods it wants."""
        found = self.api.call("GET", f"/apis/apps/v1/deployments?fieldSelector=metadata.name={service}")["items"][0]
        return f"/apis/apps/v1/namespaces/{found['metadata']['namespace']}/deployments/{service}", found["spec"]["replicas"]

    def say_ready(self, path, pods):
        """Writes what a controller would when so many pods are ready. When the request had left."""
        return self.api.send("PATCH", f"{path}/status", {"status": {"readyReplicas": pods, "availableReplicas": pods}}, "application/merge-patch+json")

    def answered(self):
        self.api.receive("changing a status")
