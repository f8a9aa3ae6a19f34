"""WebSocket servers of others' making: peer.py KIND PORT [CERT KEY].

echo      python3-websockets: answers in two fragments and pings all the time
tornado   Tornado: answers as it was asked
phoenix   what Phoenix Channels (protocol version 2) say: join before you talk
socketio  what Socket.IO 4 says over Engine.IO 4: greet, connect, events
"""
import asyncio
import json
import ssl
import sys

kind, port, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
context = None
if files:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)


def tornado():
    import tornado.httpserver
    import tornado.ioloop
    import tornado.web
    import tornado.websocket

    class Echo(tornado.websocket.WebSocketHandler):
        def on_message(self, message):
            self.write_message(message, binary=isinstance(message, bytes))

    app = tornado.web.Application([("/.*", Echo)])
    tornado.httpserver.HTTPServer(app, ssl_options=context).listen(port, "127.0.0.1")
    print("ready", flush=True)
    tornado.ioloop.IOLoop.current().start()


async def echo(ws, *path):
    async for m in ws:
        await ws.send([m[: len(m) // 2], m[len(m) // 2:]] if len(m) > 1 else m)


async def phoenix(ws, *path):
    joined = set()
    async for m in ws:
        if not isinstance(m, str):
            await ws.close(1003, "text only")
            return
        join, ref, topic, event, payload = json.loads(m)
        status = {"status": "ok", "response": {}}
        if event == "phx_join":
            joined.add(topic)
            await ws.send(json.dumps([join, None, topic, "presence_state", {}]))
        elif topic != "phoenix" and topic not in joined:
            status = {"status": "error", "response": {"reason": "unmatched topic"}}
        await ws.send(json.dumps([join, ref, topic, "phx_reply", status]))


async def socketio(ws, *path):
    await ws.send('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}')
    connected = False
    async for m in ws:
        if m == "40":
            connected = True
            await ws.send('40{"sid":"b"}')
        elif connected and m.startswith("42"):
            await ws.send("2")  # a ping of Engine.IO: no answer to anything
            await ws.send('42["reply",%s]' % m[2:])
        else:
            await ws.close(4000, "not connected")
            return


async def serve(handler):
    import websockets

    async with websockets.serve(handler, "127.0.0.1", port, ssl=context, ping_interval=0.2, compression=None,
                                max_size=None):
        print("ready", flush=True)
        await asyncio.Future()


if kind == "tornado":
    tornado()
else:
    asyncio.run(serve({"echo": echo, "phoenix": phoenix, "socketio": socketio}[kind]))
