#!/usr/bin/python3
"""Echo server on Tornado (Debian 12: python3-tornado 6.2), TCP and WebSocket.

Tuned as tornado.tcpserver's
documentation has it, pattern 2 (add_sockets, multi-process), with a process a
core as the guide's "Running and deploying" recommends; no compression.
"""
import asyncio
import ctypes
import ipaddress
import resource
import signal
import sys

import tornado.httpserver
import tornado.iostream
import tornado.netutil
import tornado.process
import tornado.tcpserver
import tornado.web
import tornado.websocket

USAGE = "usage: echo.py [--tcp FIRST:COUNT] [--ws FIRST:COUNT] [--bind ADDRESS]"
BACKLOG = 65535  # the kernel cuts it to somaxconn
CHUNK = 65536  # bytes taken at once
MAX_MESSAGE = 16 << 20  # bytes
PR_SET_PDEATHSIG = 1


class EchoServer(tornado.tcpserver.TCPServer):
    async def handle_stream(self, stream, address):
        try:
            while True:
                await stream.write(await stream.read_bytes(CHUNK, partial=True))
        except tornado.iostream.StreamClosedError:
            pass


class EchoSocket(tornado.websocket.WebSocketHandler):
    def check_origin(self, origin):
        return True

    async def on_message(self, message):
        await self.write_message(message, binary=isinstance(message, bytes))


def bad(why):
    print(f"tornado: {why}; {USAGE}", file=sys.stderr)
    sys.exit(2)


def parse(args):
    """The ports of each protocol that is asked for, and the address."""
    ports, address = {}, "127.0.0.1"
    rest = iter(args)
    for arg in rest:
        flag, equals, value = arg.partition("=")
        if not flag.startswith("--"):
            bad(f'unexpected argument "{arg}"')
        if flag not in ("--tcp", "--ws", "--bind"):
            bad(f"unknown flag {flag}")
        if not equals:
            value = next(rest, "")
        if flag == "--bind":
            try:
                address = str(ipaddress.ip_address(value))
            except ValueError:
                bad(f'--bind "{value}" is not an IP address')
            continue
        first, _, count = value.partition(":")
        if not (first.isdecimal() and count.isdecimal() and 0 < int(first) < 65536 and 0 < int(count) <= 65536 - int(first)):
            bad(f'invalid value "{value}" for {flag}: want FIRST:COUNT within 1..65535, like 10000:200')
        ports[flag[2:]] = (int(first), int(count))
    return ports or {"tcp": (10000, 200), "ws": (15000, 200)}, address


async def serve(sockets):
    """Runs one worker process until it is told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if "tcp" in sockets:
        EchoServer().add_sockets(sockets["tcp"])
    if "ws" in sockets:
        application = tornado.web.Application([(r"/.*", EchoSocket)], websocket_max_message_size=MAX_MESSAGE, log_function=lambda handler: None)
        tornado.httpserver.HTTPServer(application).add_sockets(sockets["ws"])
    await stop.wait()


def main():
    ports, address = parse(sys.argv[1:])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    sockets = {}
    try:
        for proto, (first, count) in ports.items():
            sockets[proto] = []
            for port in range(first, first + count):
                sockets[proto] += tornado.netutil.bind_sockets(port, address, backlog=BACKLOG)
    except OSError as error:
        print(f"tornado: listen on {address}:{port}: {error}", file=sys.stderr)
        sys.exit(1)
    print("ready tornado", *(f"{proto} {first}:{count}" for proto, (first, count) in ports.items()), flush=True)
    for number in (signal.SIGINT, signal.SIGTERM):  # of the parent
        signal.signal(number, lambda *_: sys.exit(0))
    tornado.process.fork_processes(0)
    # However the parent ends, the workers do: prctl(2).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    asyncio.run(serve(sockets))


main()
