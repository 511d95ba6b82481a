# SPDX-License-Identifier: MIT
"""The Kubernetes manifests. test_container.py tests that their settings
work."""
import copy
import json
import re
import subprocess
from pathlib import Path

import pytest

import npm
from packages import SOURCE

FOLDERS = {".": ["ConfigMap", "Deployment", "DaemonSet"],
           "node": ["ConfigMap", "DaemonSet"],
           "pod": ["Deployment"], "gvisor": ["Deployment"]}
CHECK_SCHEMA = Path(__file__).with_name("check_schema.js")
IMAGE = "checked:1"
pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("manifests")]


@pytest.fixture(scope="module", params=FOLDERS)
def objects(request, objects_of):
    found = objects_of(request.param)
    assert [each["kind"] for each in found] == FOLDERS[request.param]
    return found


def template(workload):
    return workload["spec"]["template"]


def container(workload):
    return template(workload)["spec"]["containers"][0]


def workloads(objects):
    return [each for each in objects if each["kind"] != "ConfigMap"]


@pytest.fixture(scope="session")
def complaints(npm_directory):
    """complaints(objects): the complaints of Kubernetes' published schema about
    each object"""
    models = npm.install(npm.SCHEMA, npm_directory)

    def check(objects):
        return json.loads(subprocess.run(
            ["node", CHECK_SCHEMA, models], input=json.dumps(objects),
            stdout=subprocess.PIPE, text=True, check=True).stdout)

    return check


def test_schema(objects, complaints):
    assert complaints(objects) == [None] * len(objects)


@pytest.mark.parametrize("spoil, named", [
    (lambda workload: container(workload).pop("name"), "name"),
    (lambda workload: template(workload)["spec"]["securityContext"].update(
        runAsUser="nobody"), "runAsUser"),
    (lambda workload: template(workload)["spec"]["securityContext"][
        "seccompProfile"].update(type="Default"), "seccompProfile"),
    (lambda workload: container(workload)["volumeMounts"][0].update(
        readOnly="yes"), "readOnly")])
def test_schema_is_checked(objects_of, complaints, spoil, named):
    daemon_set, = workloads(objects_of("node"))
    spoil(daemon_set)
    complaint, = complaints([daemon_set])
    assert named in complaint


@pytest.fixture
def as_understood(kubectl, tmp_path):
    """The workload after kubectl, without a server, has read it into its own
    types and changed the image to IMAGE"""
    def read(workload):
        path = tmp_path / "workload.json"
        path.write_text(json.dumps(workload))
        return json.loads(subprocess.run(
            [kubectl, "set", "image", "--local", "--dry-run=client",
             "-f", path, "-o", "json", f"*={IMAGE}"], stdout=subprocess.PIPE,
            text=True, check=True).stdout)

    return read


def without_defaults(value):
    """kubectl writes some fields that nobody has set"""
    if isinstance(value, dict):
        kept = {key: without_defaults(each) for key, each in value.items()
                if key not in ("status", "creationTimestamp")}
        return {key: each for key, each in kept.items()
                if each not in ({}, None)}
    return [*map(without_defaults, value)] if isinstance(value, list) else value


def test_kubectl_knows_every_field(objects, as_understood):
    for workload in workloads(objects):
        expected = copy.deepcopy(workload)
        container(expected)["image"] = IMAGE
        assert without_defaults(as_understood(workload)) == expected


def test_unknown_fields_are_found(objects_of, as_understood):
    workload, = workloads(objects_of("pod"))
    container(workload)["securityContext"]["readOnlyRootFileSystem"] = True
    understood = container(as_understood(workload))
    assert understood["securityContext"] != container(workload)[
        "securityContext"]


def test_labels_select_the_pods(objects):
    for workload in workloads(objects):
        labels = template(workload)["metadata"]["labels"]
        assert workload["spec"]["selector"]["matchLabels"] == labels
    names = [each["metadata"]["name"] for each in workloads(objects)]
    assert len(names) == len(set(names))


def test_image_is_of_this_release(objects):
    version = re.search(r"^## (\d\S*)", (SOURCE / "NEWS.md").read_text(), re.M)
    for workload in workloads(objects):
        assert container(workload)["image"] == (
            f"collectd-cgroup-cpu:{version.group(1)}")


def test_sandboxed_pod_differs_in_nothing_else(objects_of):
    (pod,), (sandboxed,) = objects_of("pod"), objects_of("gvisor")
    spec = template(sandboxed)["spec"]
    assert spec.pop("runtimeClassName") == "gvisor"
    assert spec.pop("terminationGracePeriodSeconds") == 5
    assert sandboxed == pod


def test_node_sees_cgroups_and_names_and_no_more(objects_of):
    daemon_set, = workloads(objects_of("node"))
    hosts = [volume["hostPath"]["path"] for volume
             in template(daemon_set)["spec"]["volumes"]
             if "hostPath" in volume]
    assert hosts == [
        "/sys/fs/cgroup", "/var/log/containers", "/var/log/pods"]
    assert all(mount["readOnly"] for mount
               in container(daemon_set)["volumeMounts"])
    deployment, = objects_of("pod")
    assert "volumes" not in template(deployment)["spec"]
