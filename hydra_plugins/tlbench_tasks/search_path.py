"""Config groups of tasks that come from outside: Hydra looks for options there as well, after tlbench's own.

Hydra imports this module at every start, so it imports little.
"""

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class TaskSearchPath(SearchPathPlugin):
    """Adds the packages that `TaskSpec.conf` names."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra whenever it is to compose."""
        from tlbench.tasks.registry import specs

        for spec in specs().values():
            if spec.conf is not None:
                search_path.append(f"task-{spec.name}", f"pkg://{spec.conf}")
