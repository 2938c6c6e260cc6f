"""faults: services, the ways to them, and the processes: all that can be broken.

For the fault tests and tools/chaos. Every way to a service leads through the proxy.
"""

from support.fault_proxy import FaultProxy
from support.processes import Stack
from support.services import Services


class Faults:
    """Private services, and the ways to them."""

    def __init__(self, directory=None, redis_environment=None):
        self.services = Services(directory, True, redis_environment).up()
        env = self.services.env
        self.proxy = FaultProxy()
        redis_port = self.services.redis_address[1]
        self.engine_redis = self.proxy.route("engine-redis", redis_port)
        self.worker_redis = self.proxy.route("worker-redis", redis_port)
        self.kafka = self.proxy.route("kafka", int(env["KAFKA_PROXIED_PORT"]),
                                      port=int(env["KAFKA_PROXY_PORT"]))
        self.mysql = self.proxy.route("mysql", int(env["MYSQL_PORT"]))

    def stack(self, engines=2, workers=2, engine_settings=None, worker_settings=None):
        """Not started. Every way to a service leads through the proxy."""
        return Stack(
            self.services, engines=engines, workers=workers,
            common_settings={"kafka.brokers": f"127.0.0.1:{self.kafka.port}"},
            engine_settings={"redis.port": self.engine_redis.port, **(engine_settings or {})},
            worker_settings={"redis.port": self.worker_redis.port, "mysql.port": self.mysql.port,
                             "sale.lease_ms": 300, "sale.hold_ms": 800, **(worker_settings or {})})

    def heal(self):
        """No faults on the ways, all services run."""
        self.proxy.clear()
        self.services.thaw_all()
        self.services.up()

    def close(self):
        self.proxy.close()
        self.services.down()


def revive(stack):
    """All processes of a stack run and are ready, whatever a test did to them."""
    for process in [*stack.workers, *stack.engines]:
        process.disarm()
        if process.is_alive():
            process.thaw()
        else:
            process.start()
    for process in [*stack.workers, *stack.engines]:
        process.wait_ready(60)
