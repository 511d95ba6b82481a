# SPDX-License-Identifier: MIT
"""How a node runs a pod of our manifests: the container for an OCI runtime.
Every setting in a manifest is either used or refused."""
import copy
import json
import os
from pathlib import Path

import yaml

from packages import SOURCE, run

MANIFESTS = SOURCE / "packaging/kubernetes"
SECCOMP = Path("/usr/share/containers/seccomp.json")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
# The same as in containerd
MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc",
     "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs",
     "options": ["nosuid", "noexec", "nodev", "ro"]},
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
     "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
          "/proc/timer_list", "/proc/sched_debug", "/proc/scsi",
          "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
             "/proc/sysrq-trigger"]
MEBIBYTE = 1 << 20


def manifests(kubectl, folder):
    """The objects that `kubectl apply -k` sends"""
    return list(yaml.safe_load_all(
        run(kubectl, "kustomize", MANIFESTS / folder)))


def seccomp():
    """The part of the engines' default profile that applies without any
    capability"""
    machine = ARCHITECTURE[os.uname().machine]
    profile = json.loads(SECCOMP.read_text())
    rules = [rule for rule in profile["syscalls"]
             if not rule["includes"].get("caps")
             and machine in rule["includes"].get("arches", [machine])]
    return {"defaultAction": profile["defaultAction"],
            "defaultErrnoRet": profile["defaultErrnoRet"],
            "syscalls": [{key: rule[key] for key in
                          ("names", "action", "errnoRet", "args")
                          if rule.get(key) is not None} for rule in rules]}


def take(mapping, *required, **optional):
    """The values of these keys; there must be no other"""
    unknown = mapping.keys() - {*required, *optional}
    assert not unknown, f"nothing is made of {unknown}"
    return [*(mapping[key] for key in required),
            *(mapping.get(key, other) for key, other in optional.items())]


class Pod:
    """The only workload among some objects, and its only container"""

    def __init__(self, objects):
        self.configurations = {
            each["metadata"]["name"]: each["data"] for each in objects
            if each["kind"] == "ConfigMap"}
        workload, = (each for each in objects if each["kind"] != "ConfigMap")
        _, self.spec = take(
            copy.deepcopy(workload["spec"]["template"]), "metadata", "spec")
        (token, (self.container,), self.security, self.runtime_class,
         self.grace_seconds, self.volumes, _) = take(
            self.spec, "automountServiceAccountToken", "containers",
            "securityContext", runtimeClassName=None,
            terminationGracePeriodSeconds=30, volumes=(), tolerations=None)
        assert token is False
        (_, _, self.arguments, self.ports, self.readiness, self.liveness,
         self.resources, self.own_security, self.volume_mounts) = take(
            self.container, "name", "image", args=None, ports=(),
            readinessProbe=None, livenessProbe=None, resources=None,
            securityContext=None, volumeMounts=())

    def move_logs(self, root):
        """Its node has /var/log elsewhere"""
        for volume in self.volumes:
            host = volume.get("hostPath", {})
            if host.get("path", "").startswith("/var/log/"):
                host["path"] = f"{root}{host['path']}"

    def process(self, image):
        root, user, group, profile = take(
            self.security, "runAsNonRoot", "runAsUser", "runAsGroup",
            "seccompProfile")
        escalation, capabilities, _ = take(
            self.own_security, "allowPrivilegeEscalation", "capabilities",
            "readOnlyRootFilesystem")
        assert root is True and user != 0
        assert profile == {"type": "RuntimeDefault"}
        assert capabilities == {"drop": ["ALL"]}
        return {"user": {"uid": user, "gid": group}, "cwd": "/",
                "env": image["Env"], "noNewPrivileges": not escalation,
                "capabilities": {},
                "args": image["Entrypoint"] + (
                    image["Cmd"] if self.arguments is None
                    else self.arguments)}

    def bind(self, mount, directory):
        """One volume. The contents of configuration maps are written to
        `directory`."""
        name, destination, read_only, part = take(
            mount, "name", "mountPath", readOnly=False, subPath=None)
        volume, = (each for each in self.volumes if each["name"] == name)
        _, host, configuration = take(
            volume, "name", hostPath=None, configMap=None)
        if host:
            source, kind = take(host, "path", "type")
            assert kind in ("Directory", "DirectoryOrCreate") and not part
        else:
            files = self.configurations[configuration["name"]]
            source = directory / part
            source.write_text(files[part])
        return {"destination": destination, "type": "bind",
                "source": str(source),
                "options": ["rbind", "rprivate", *["ro"] * read_only]}

    def memory_limit(self):
        requests, limits = take(self.resources, "requests", "limits")
        take(requests, "cpu", "memory")
        limit, = take(limits, "memory")
        assert limit.endswith("Mi")
        return int(limit[:-2]) * MEBIBYTE

    def probe_url(self, address):
        """The address that the node asks whether the pod is ready"""
        path, name = take(self.readiness["httpGet"], "path", "port")
        port, = (each["containerPort"] for each in self.ports
                 if each["name"] == name)
        return f"http://{address}:{port}{path}"

    def probe_command(self):
        command, = take(self.liveness["exec"], "command")
        return command

    def oci(self, image, directory, network, mounts=()):
        """The runtime's specification"""
        return {
            "ociVersion": "1.0.2", "hostname": "pod",
            "process": self.process(image.configuration),
            "root": {"path": image.root,
                     "readonly": self.own_security["readOnlyRootFilesystem"]},
            "mounts": [*MOUNTS, *mounts, *(
                self.bind(mount, directory) for mount in self.volume_mounts)],
            "linux": {
                "namespaces": [
                    *({"type": kind} for kind in (
                        "pid", "ipc", "uts", "mount")),
                    {"type": "network", "path": str(network)}],
                "resources": {"memory": {"limit": self.memory_limit()}},
                "seccomp": seccomp(),
                "maskedPaths": MASKED, "readonlyPaths": READ_ONLY}}
