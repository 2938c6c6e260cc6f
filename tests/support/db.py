"""db: what the three services really hold, read past the engine and the worker."""

import dataclasses
import getpass
import os

import confluent_kafka
import msgpack
import pymysql
import redis
from redis.client import NEVER_DECODE

from support.reported_producer import ReportedProducer

ORDER_FIELDS = 12
SEQ_BITS, EPOCH_BITS = 26, 14
READ_DEADLINE_S = 30


@dataclasses.dataclass(frozen=True)
class OrderEvent:
    """A record of seckill.orders, version 1, and where it lies."""

    version: int
    order_no: int
    buyer: str
    sku: str
    quantity: int
    unit_price: int
    currency: str
    slot: int
    key_hash: str
    won_at: int
    pay_by: int
    traceparent: str
    partition: int = -1
    offset: int = -1

    @property
    def sale(self):
        return self.order_no >> (SEQ_BITS + EPOCH_BITS)

    @property
    def epoch(self):
        return (self.order_no >> SEQ_BITS) & ((1 << EPOCH_BITS) - 1)

    @property
    def seq(self):
        return self.order_no & ((1 << SEQ_BITS) - 1)

    def encode(self):
        """The bytes of the record, for tests that produce one themselves."""
        return msgpack.packb(list(dataclasses.astuple(self))[:ORDER_FIELDS])


def decode_order(raw, partition=-1, offset=-1):
    fields = msgpack.unpackb(raw, raw=False, strict_map_key=True)
    assert isinstance(fields, list) and len(fields) == ORDER_FIELDS, fields
    return OrderEvent(*fields, partition=partition, offset=offset)


def compose_order_no(sale, epoch, seq):
    return (sale << (SEQ_BITS + EPOCH_BITS)) | (epoch << SEQ_BITS) | seq


class Mysql:
    """A session of its own a call: tests kill servers."""

    def __init__(self, services):
        self.services = services

    def connect(self):
        env = self.services.env
        return pymysql.connect(
            host=env["MYSQL_HOST"], port=int(env["MYSQL_PORT"]), user=env["MYSQL_USER"],
            password=env["MYSQL_PASSWORD"], database=env["MYSQL_DATABASE"], autocommit=True,
            connect_timeout=30, read_timeout=30, cursorclass=pymysql.cursors.DictCursor)

    def connect_root(self):
        """The server's administrator, by its socket, beside all limits of the others."""
        data = os.open(self.services.directory / "mysql" / "data", os.O_RDONLY)
        try:  # by descriptor: a socket's path has at most 107 bytes
            return pymysql.connect(
                unix_socket=f"/proc/self/fd/{data}/mysql.sock", user=getpass.getuser(),
                database=self.services.env["MYSQL_DATABASE"], autocommit=True,
                connect_timeout=30, read_timeout=30, cursorclass=pymysql.cursors.DictCursor)
        finally:
            os.close(data)

    def rows(self, sql, *values):
        with self.connect() as session, session.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def value(self, sql, *values):
        """The single value of a single row."""
        rows = self.rows(sql, *values)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return next(iter(rows[0].values()))

    def execute(self, sql, *values):
        """Changes data; returns the number of rows."""
        with self.connect() as session, session.cursor() as cursor:
            return cursor.execute(sql, values)

    def quarantine(self, order_no):
        """As a record of a newer version is settled. False: it is not settled yet, or was set
        aside before."""
        return self.execute("UPDATE orders SET state = 'QUARANTINED', reason = 'version' "
                            "WHERE order_no = %s", order_no) == 1


def lock_waits(root):
    """Transactions that wait for a lock, of Mysql.connect_root(). MariaDB makes this table anew
    only for who has not asked for 100 ms."""
    with root.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) AS n FROM information_schema.innodb_trx "
                       "WHERE trx_state = 'LOCK WAIT'")
        return cursor.fetchone()["n"]


class Redis:
    """The keys of sales."""

    def __init__(self, services):
        host, port = services.redis_address
        # An outbox entry holds msgpack (schemas/redis.md): bytes that are no text stay tellable.
        self.client = redis.Redis(host=host, port=port, decode_responses=True, protocol=2,
                                  encoding_errors="surrogateescape", socket_timeout=30)

    @staticmethod
    def key(sale, name):
        return f"{{s:{sale}}}:{name}"

    def meta(self, sale):
        return self.client.hgetall(self.key(sale, "meta"))

    def stock(self, sale):
        return {sku: int(units)
                for sku, units in self.client.hgetall(self.key(sale, "stock")).items()}

    def buyers(self, sale):
        """{buyer: [entry fields]} with the fields of the contract in order."""
        return {buyer: [entry.split(",") for entry in value.split(";")[1:]]
                for buyer, value in self.client.hgetall(self.key(sale, "buyers")).items()}

    def outbox(self, sale):
        """The ids of its entries, oldest first: what they hold is no text."""
        raw = self.client.execute_command("XRANGE", self.key(sale, "outbox"), "-", "+",
                                          **{NEVER_DECODE: []})
        return [entry[0].decode() for entry in raw]

    def command_calls(self):
        """{command: number of calls} of INFO commandstats."""
        stats = self.client.info("commandstats")
        return {name.removeprefix("cmdstat_"): entry["calls"] for name, entry in stats.items()}


class Kafka:
    """Whole topics, from their first record to the end they have now."""

    def __init__(self, services):
        self.brokers = services.env["KAFKA_BROKERS"]

    def _consumer(self):
        return confluent_kafka.Consumer({
            "bootstrap.servers": self.brokers, "group.id": "tests", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "enable.partition.eof": True})

    def messages(self, topic):
        """All messages of a topic, partition by partition in order."""
        consumer = self._consumer()
        try:
            partitions = consumer.list_topics(topic, timeout=READ_DEADLINE_S).topics[
                topic].partitions
            consumer.assign([confluent_kafka.TopicPartition(
                topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions])
            found, open_ends = [], set(partitions)
            while open_ends:
                message = consumer.poll(READ_DEADLINE_S)
                assert message is not None, f"{topic}: no end within {READ_DEADLINE_S} s"
                if message.error() is None:
                    found.append(message)
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    open_ends.discard(message.partition())
                else:
                    raise AssertionError(f"{topic}: {message.error()}")
        finally:
            consumer.close()
        return sorted(found, key=lambda message: (message.partition(), message.offset()))

    def ends(self, topic):
        """{partition: the offset that its next record will have}."""
        consumer = self._consumer()
        try:
            partitions = consumer.list_topics(topic, timeout=READ_DEADLINE_S).topics[
                topic].partitions
            return {number: consumer.get_watermark_offsets(
                confluent_kafka.TopicPartition(topic, number), timeout=READ_DEADLINE_S,
                cached=False)[1] for number in partitions}
        finally:
            consumer.close()

    def orders(self, sale):
        """The records of one sale, decoded. Poison that a test put into the log is passed over."""
        events = []
        for message in self.messages("seckill.orders"):
            try:
                events.append(decode_order(message.value(), message.partition(),
                                           message.offset()))
            except (ValueError, AssertionError, TypeError):
                continue
        return [event for event in events if event.sale == sale]

    def produce(self, topic, value, key=None, partition=None):
        """Writes one record and waits for its report."""
        producer = ReportedProducer(self.brokers)
        producer.send(topic, value, key, partition)
        producer.wait()
