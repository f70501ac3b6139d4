"""tox plugin: environments that name one `env_dir` are one environment, whichever of them made it.

By itself tox recreates a folder that another environment's name made. An environment with torch weighs more than
5 GB, so `tests`, `types` and `report` share one; what is installed in it is compared as ever.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tox.plugin import impl
from tox.tox_env.api import ToxEnv
from tox.tox_env.info import Info
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class SharedInfo(Info):
    """What tox knows of an environment, under the name of its folder."""

    @contextmanager
    def compare(
        self, value: Any, section: str, sub_section: str | None = None
    ) -> Generator[tuple[bool, Any | None], None, None]:
        """Compare as tox does, but take the folder's name for the environment's."""
        if section == ToxEnv.__name__:
            value = {**value, "name": self._path.parent.name}
        with super().compare(value, section, sub_section) as answer:
            yield answer


class SharedEnvironment(VirtualEnvRunner):
    """A virtual environment that several tox environments use, one after another."""

    @staticmethod
    def id() -> str:
        """The name that `runner =` in tox.ini gives."""
        return "shared"

    @property
    def cache(self) -> Info:
        """The record of what is installed."""
        return SharedInfo(self.env_dir)


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Make the runner known to tox."""
    register.add_run_env(SharedEnvironment)
