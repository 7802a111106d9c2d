"""What commands at the kiosk need of its deployment file: the store, the keys."""

from __future__ import annotations

from pathlib import Path

from firmware.assembly.process import CannotStart
from firmware.config.loader import DeploymentErrors, load_deployment
from firmware.config.model import Deployment


def deployment_at(path: Path) -> Deployment:
    """Read the deployment file. Raises CannotStart with every error in it."""
    try:
        return load_deployment(path)
    except DeploymentErrors as errors:
        raise CannotStart(errors.render()) from errors


def store_of(deployment: Deployment) -> Path:
    """Where this kiosk's store lies."""
    return Path(deployment.paths.state) / "store.db"


def key_file(deployment: Deployment, name: str) -> Path:
    """A file of the key directory."""
    return Path(deployment.paths.keys) / name
