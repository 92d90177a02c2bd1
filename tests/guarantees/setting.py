# SPDX-License-Identifier: Apache-2.0
"""A cluster with the registers, and instances of cqrsd before it."""

import pathlib

from harness import service
from harness.cluster import Cluster
from harness.service import Service

from . import final

HERE = pathlib.Path(__file__).resolve().parent


class Setting:
    """with Setting(instances=2) as setting: all of it runs, and is gone behind."""

    def __init__(self, instances=1, replicas=2, **options):
        self.count, self.replicas = instances, replicas
        self.options = {"loops": 2, "pool_conns": 8, "catalog": HERE / "sql", **options}
        self.cluster = None
        self.instances = []

    def __enter__(self):
        try:
            self.cluster = Cluster.create(replicas=self.replicas)
            self.cluster.primary.sql_file(HERE / "schema.sql")
            done = service.run("migrate", primary=self.cluster.primary.conninfo)
            assert done.returncode == 0, done.stderr
            self.cluster.wait_until_replayed()
            for _ in range(self.count):
                instance = Service(primary=self.cluster.primary.conninfo, **self.options,
                                   replica=[node.conninfo for node in self.cluster.replicas])
                self.instances.append(instance)
                instance.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for instance in self.instances:
            instance.discard()
        if self.cluster:
            self.cluster.destroy()

    @property
    def addresses(self):
        """For run_workload: an instance that is started again may be found elsewhere."""
        return [lambda instance=instance: instance.address for instance in self.instances]

    def final(self):
        return final.of_node(self.cluster.primary)
