"""Helm's own engine for the tests, and in front of it a stand-in for the `helm` program.

    helm.py engine ACTION NAMESPACE RELEASE CHART VALUES [TIMEOUT]   install or upgrade; with TIMEOUT it waits so many seconds
    helm.py rollback RELEASE REVISION -n NAMESPACE …                 as the program is called

The engine writes the record of a rollback and then ends without having touched an object, which is what a dropped connection leaves
behind. The stand-in goes on from there: it replaces the objects by those of the old manifest, deletes those that it has not, and marks
the records. The file $HELM_STAND_IN says how: `whole`, `die` after the record is written, `wait` there until it says something else, `refuse`
before anything is. What it was called with is added to the file beside it, `calls`.
"""
import asyncio, base64, gzip, json, os, re, signal, subprocess, sys, time

import helm_sdkpy


def kubectl(*arguments, text=None):
    done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit("Error: " + done.stderr)
    return done.stdout


def engine(action, namespace, release, chart, values, timeout=None):
    config = helm_sdkpy.Configuration(namespace=namespace, kubecontext="lab")
    wait = {"wait": timeout is not None, "timeout": int(timeout or 60)}
    act = {"install": helm_sdkpy.Install, "upgrade": helm_sdkpy.Upgrade}[action]
    asyncio.run(act(config).run(release, chart, values=json.loads(values), **wait))


def secret(release, revision):
    return f"sh.helm.release.v1.{release}.v{revision}"


def read(namespace, name):
    kept = json.loads(kubectl("-n", namespace, "get", "secret", name, "-o", "json"))
    return json.loads(gzip.decompress(base64.b64decode(base64.b64decode(kept["data"]["release"]))))


def write(namespace, name, record, status):
    record["info"]["status"] = status
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(record).encode()))).decode()
    patch = {"metadata": {"labels": {"status": status}}, "data": {"release": packed}}
    kubectl("-n", namespace, "patch", "secret", name, "--type=merge", "-p", json.dumps(patch))


def objects(manifest):
    found = {}
    for document in re.split(r"(?m)^---\s*$", manifest):
        kind, name = re.search(r"(?m)^kind: (\S+)", document), re.search(r"(?m)^  name: (\S+)", document)
        if kind and name:
            found[f"{kind[1]}/{name[1]}"] = document
    return found


def told():
    return open(os.environ["HELM_STAND_IN"]).read().strip()


def rollback(release, revision, *flags):
    with open(os.path.join(os.path.dirname(os.environ["HELM_STAND_IN"]), "calls"), "a") as calls:
        calls.write(f"{release} {revision}\n")
    mode = told()
    if mode == "refuse":
        sys.stderr.write("\x1b[2J\x1b]0;owned\x07Error: Kubernetes cluster unreachable: password=hunter2\n")
        sys.exit(1)
    namespace, context = flags[flags.index("-n") + 1], flags[flags.index("--kube-context") + 1]
    history = kubectl("-n", namespace, "get", "secrets", "-l", f"owner=helm,name={release}", "-o", "jsonpath={.items[*].metadata.labels.version}")
    newest = max(map(int, history.split()))
    before = read(namespace, secret(release, newest))
    config = helm_sdkpy.Configuration(namespace=namespace, kubecontext=context)
    try:
        asyncio.run(helm_sdkpy.Rollback(config).run(release, int(revision)))
    except Exception as error:
        if "wait strategy" not in str(error):
            sys.exit(f"Error: {error}")
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    while told() == "wait":
        time.sleep(0.1)
    new = secret(release, newest + 1)
    record = read(namespace, new)
    old, wanted = objects(before["manifest"]), objects(record["manifest"])
    there = {name for name in wanted if subprocess.run(["kubectl", "-n", namespace, "get", name], capture_output=True).returncode == 0}
    for name, document in wanted.items():
        # Helm patches, and the object is never without its owner: neither is it here.
        owner = [f"meta.helm.sh/release-name={release}", f"meta.helm.sh/release-namespace={namespace}"]
        owned = kubectl("annotate", "--local", "-f", "-", "-o", "json", *owner, text=document)
        kubectl("-n", namespace, "replace" if name in there else "create", "-f", "-", text=owned)
    for name in old.keys() - wanted.keys():
        kubectl("-n", namespace, "delete", name, "--wait=false")
    for revision in map(int, history.split()):
        past = read(namespace, secret(release, revision))
        if past["info"]["status"] == "deployed":
            write(namespace, secret(release, revision), past, "superseded")
    write(namespace, new, record, "deployed")
    print("Rollback was a success! Happy Helming!")


{"engine": engine, "rollback": rollback}[sys.argv[1]](*sys.argv[2:])
