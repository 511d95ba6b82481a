# SPDX-License-Identifier: MIT
"""Receivers on loopback that keep what collectd's writers send, and the
configuration that makes collectd send it."""
import http.server
import json
import socket
import socketserver
import threading
import urllib.request

LOOPBACK = "127.0.0.1"


def plugin(name, configuration):
    """Loads and configures the plugin"""
    return f"{name}\n<Plugin {name}>\n{configuration}\n</Plugin>"


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Sink:
    """Keeps the text of all connections to it"""

    def __init__(self):
        self.received = []
        self.server = self.make()
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class GraphiteSink(Sink):
    def make(self):
        received = self.received

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                received.extend(self.rfile)

        return socketserver.ThreadingTCPServer((LOOPBACK, 0), Handler)

    def node(self, options=""):
        """The configuration of write_graphite"""
        return (f'<Node "{self.port}">\nHost "{LOOPBACK}"\n'
                f'Port "{self.port}"\nProtocol "tcp"\n{options}\n</Node>')

    @property
    def lines(self):
        """Complete lines, without the newline"""
        return [line[:-1] for line in list(self.received)
                if line.endswith(b"\n")]


class HttpSink(Sink):
    def make(self):
        received = self.received

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                received.append(self.rfile.read(length))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        return http.server.ThreadingHTTPServer((LOOPBACK, 0), Handler)

    def node(self):
        """The configuration of write_http"""
        return (f'<Node "{self.port}">\nURL "http://{LOOPBACK}:{self.port}/"\n'
                'Format "JSON"\n</Node>')

    @property
    def values(self):
        """The values of all bodies. Each body is a JSON array."""
        return [value for body in list(self.received)
                for value in json.loads(body)]


def scrape(port):
    url = f"http://{LOOPBACK}:{port}/metrics"
    request = urllib.request.Request(url, headers={"Accept": "text/plain"})
    with urllib.request.build_opener(
            urllib.request.ProxyHandler({})).open(request) as answer:
        return answer.read().decode()
