"""Real servers for tests, on 127.0.0.1: each ends with the process that started it, even where that one is killed."""

from servers.errors import ServerFailed, ServerUnavailable
from servers.fault_proxy import FaultProxy
from servers.mariadb import MariaDBServer
from servers.postgres import PostgresServer
from servers.s3 import S3Server
from servers.server import Server

__all__ = ["FaultProxy", "MariaDBServer", "PostgresServer", "S3Server", "Server", "ServerFailed", "ServerUnavailable"]
