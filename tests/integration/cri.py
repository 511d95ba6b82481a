# SPDX-License-Identifier: MIT
"""A node of Kubernetes: a containerd of the tests' own, which is told of pods
through the Container Runtime Interface, and what a kubelet does for them."""
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from containerd import Containerd
from engine import REST
from kubelet import Node, cgroup_of
from packages import run
from waiting import wait_until

PROTOCOL = Path(__file__).with_name("cri.proto")
IMAGE = "docker.io/library/pod:1"
# The process of a pod would have a lower score than that of the tests, which not
# every root may give.
CONFIGURATION = """\
version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{root}/cni"
conf_dir = "{root}/cni"
"""
SECONDS = 60
# Microseconds
PERIOD = 100000


class Client:
    """call(method, **fields): asks a runtime"""

    def __init__(self, directory, socket):
        self.grpc = pytest.importorskip("grpc")
        factory = pytest.importorskip("google.protobuf.message_factory")
        descriptors = pytest.importorskip("google.protobuf.descriptor_pb2")
        compiled = directory / "protocol"
        run("protoc", f"--proto_path={PROTOCOL.parent}",
            f"--descriptor_set_out={compiled}", PROTOCOL)
        self.messages = factory.GetMessages(
            descriptors.FileDescriptorSet.FromString(
                compiled.read_bytes()).file)
        self.socket = f"unix:{socket}"

    def __call__(self, method, service="RuntimeService", **fields):
        request, response = (self.messages[f"runtime.v1.{method}{part}"]
                             for part in ("Request", "Response"))
        with self.grpc.insecure_channel(self.socket) as channel:
            return channel.unary_unary(
                f"/runtime.v1.{service}/{method}",
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString)(
                    request(**fields), timeout=SECONDS)


class Cri(Containerd):
    """The cgroups are those of a kubelet without systemd, in the cgroup that
    collectd has as its root. Pods are in the network of the host, which needs no
    program that makes networks."""

    kind = "k8s"
    programs = (*Containerd.programs, "protoc")
    namespace = "k8s.io"
    network = {"namespace_options": {"network": "NODE"}}

    def configuration(self):
        return CONFIGURATION.format(image=IMAGE, root=self.root)

    def start(self):
        self.node = Node(self.root)
        super().start()
        self.ask = Client(self.root, self.socket)

    def make_image(self):
        """As `docker save` writes it. All containers of pods have it."""
        layer = self.make_layer().read_bytes()
        files = {
            "config.json": {
                "os": "linux",
                "architecture": run("dpkg", "--print-architecture").strip(),
                "config": {"Entrypoint": REST, "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [
                    f"sha256:{hashlib.sha256(layer).hexdigest()}"]}},
            "manifest.json": [{"Config": "config.json", "RepoTags": [IMAGE],
                               "Layers": ["layer.tar"]}]}
        contents = {"layer.tar": layer, **{
            name: json.dumps(value).encode() for name, value in files.items()}}
        archive = self.root / "image.tar"
        with tarfile.open(archive, "w") as image:
            for name, content in contents.items():
                file = tarfile.TarInfo(name)
                file.size = len(content)
                image.addfile(file, io.BytesIO(content))
        self("image", "import", "--snapshotter=native", str(archive))
        wait_until(lambda: self.ask(
            "ImageStatus", "ImageService", image={"image": IMAGE}).image.id,
                   30, self.log)

    def sandbox(self, pod, attempt=0):
        return {"metadata": {**pod._asdict(), "attempt": attempt},
                "log_directory": str(self.node.logs(pod)),
                "linux": {"security_context": self.network,
                          "cgroup_parent": f"/{self.cgroup.path}/{cgroup_of(pod)}"}}

    def run_pod(self, pod, attempt=0):
        """The id of its sandbox"""
        return self.ask("RunPodSandbox",
                        config=self.sandbox(pod, attempt)).pod_sandbox_id

    def run_in(self, pod, sandbox, name, attempt=0, command=REST,
               millicores=0):
        """The id of the new container, which has no link yet"""
        self.node.make_logs(pod, name)
        identifier = self.ask(
            "CreateContainer", pod_sandbox_id=sandbox,
            sandbox_config=self.sandbox(pod), config={
                "metadata": {"name": name, "attempt": attempt},
                "image": {"image": IMAGE}, "command": command,
                "log_path": f"{name}/{attempt}.log",
                "linux": {"security_context": self.network, "resources": {
                    "cpu_period": PERIOD,
                    "cpu_quota": PERIOD * millicores // 1000}}}).container_id
        self.ask("StartContainer", container_id=identifier)
        return identifier

    def usage(self, identifier):
        """When, in seconds, and the CPU time until then, in µs, as the runtime
        tells it to a kubelet"""
        cpu = self.ask("ContainerStats", container_id=identifier).stats.cpu
        return cpu.timestamp / 1e9, cpu.usage_core_nano_seconds.value / 1000

    def end(self, identifier):
        self.ask("StopContainer", container_id=identifier)

    def remove(self, identifier):
        self.ask("RemoveContainer", container_id=identifier)

    def remove_pod(self, sandbox):
        """With all its containers"""
        self.ask("StopPodSandbox", pod_sandbox_id=sandbox)
        self.ask("RemovePodSandbox", pod_sandbox_id=sandbox)

    def remove_containers(self):
        for sandbox in self.ask("ListPodSandbox").items:
            self.remove_pod(sandbox.id)
        self.node.clear()
        self.remove_cgroups()

    def directory(self, pod, identifier=""):
        return self.cgroup.directory("v1") / cgroup_of(pod) / identifier

    def own(self):
        """The names that are there without any pod"""
        return {"root", "kubepods", "kubepods_burstable"}
