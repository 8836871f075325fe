"""Whether the loggers that a configuration asks for can be used here; nothing heavy is imported."""

from __future__ import annotations

import configparser
import importlib.util
import netrc
import os
import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from tlbench.config import LoggerConfig
from tlbench.errors import ConfigError

ANSWERS_WITHIN_S = 5.0
_WANDB_URL = "https://api.wandb.ai"
_OFFLINE = "use logger.wandb.mode=offline, which keeps everything in the run's folder for `wandb sync`"


def check_loggers(config: LoggerConfig) -> None:
    """Find out what is missing before anything is read or trained.

    Raises:
        ConfigError: A package is not installed, there is no API key, or a server does not answer.
    """
    if config.wandb is not None:
        _require("wandb")
        if config.wandb.mode == "online":
            _check_wandb()
    if config.mlflow is not None:
        _require("mlflow")
        uri = config.mlflow.tracking_uri
        problem = _unreachable(uri) if uri.startswith(("http://", "https://")) else None
        if problem is not None:
            raise ConfigError(
                f"logger.mlflow.tracking_uri={uri!r}: no MLflow server answers there ({problem}); start it, or use a "
                "local store such as file:outputs/mlruns"
            )


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ConfigError(
            f"logger.{package}: the package {package} is not installed; run pip install 'tlbench[{package}]', or use "
            f"logger.{package}=null"
        )


def _check_wandb() -> None:
    url = os.environ.get("WANDB_BASE_URL") or _url_in_settings() or _WANDB_URL
    host = urlsplit(url).hostname or url
    if not (os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE") or _has_login(host)):
        raise ConfigError(
            f"logger.wandb.mode='online': no API key for {host}; set WANDB_API_KEY, run `wandb login`, or {_OFFLINE}"
        )
    problem = _unreachable(url)
    if problem is not None:
        raise ConfigError(f"logger.wandb.mode='online': {host} does not answer ({problem}); {_OFFLINE}")


def _url_in_settings() -> str | None:
    """A server of one's own, as `wandb login --host` notes it."""
    folder = Path(os.environ.get("WANDB_CONFIG_DIR") or Path.home() / ".config" / "wandb")
    settings = configparser.ConfigParser()
    try:
        settings.read(folder / "settings")
    except (configparser.Error, UnicodeDecodeError):
        return None  # wandb itself will complain
    return settings.get("default", "base_url", fallback=None)


def _has_login(host: str) -> bool:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc").expanduser()
    try:
        return netrc.netrc(path).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False


def _unreachable(url: str) -> str | None:
    """Why nothing answers at a URL, or at the proxy on the way to it; None if something does."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=ANSWERS_WITHIN_S).close()
    except (OSError, ValueError) as error:
        return " ".join(str(error).split()) or type(error).__name__
    return None
