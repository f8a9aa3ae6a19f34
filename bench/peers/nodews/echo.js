#!/usr/bin/env node
// Echo server on ws 8.23.0 for Node.js, WebSocket.
//
// Tuned: nothing, as the README's "Simple server" and "Server broadcast" have
// it; compression is off by default ("WebSocket compression"), and so is the
// README's optional bufferutil. One process, as Node.js runs by default.
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';

import { WebSocketServer } from 'ws';

const usage = 'usage: echo.js [--ws FIRST:COUNT] [--bind ADDRESS]';

function fail(status, why) {
  process.stderr.write(`nodews: ${why}\n`);
  process.exit(status);
}

function parse() {
  let values;
  try {
    ({ values } = parseArgs({
      options: { ws: { type: 'string', default: '15000:200' }, bind: { type: 'string', default: '127.0.0.1' } },
    }));
  } catch (error) {
    fail(2, `${error.message.split('\n')[0].replaceAll("'", '"')}; ${usage}`);
  }
  const [, first, count] = (/^(\d+):(\d+)$/.exec(values.ws) ?? []).map(Number);
  if (!(first >= 1 && count >= 1 && first + count <= 65536)) {
    fail(2, `invalid value "${values.ws}" for --ws: want FIRST:COUNT within 1..65535, like 15000:200; ${usage}`);
  }
  if (!isIP(values.bind)) fail(2, `--bind "${values.bind}" is not an IP address; ${usage}`);
  return { first, count, host: values.bind };
}

// listen resolves once the port accepts.
function listen(host, port) {
  return new Promise((resolve, reject) => {
    const server = new WebSocketServer({ host, port, backlog: 65535 }, resolve);
    server.on('error', reject);
    server.on('connection', (socket) => {
      socket.on('error', () => {}); // the connection ends, that is all
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
  });
}

const { first, count, host } = parse();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
try {
  for (let port = first; port < first + count; port++) await listen(host, port);
} catch (error) {
  fail(1, error.message);
}
process.stdout.write(`ready nodews ws ${first}:${count}\n`);
