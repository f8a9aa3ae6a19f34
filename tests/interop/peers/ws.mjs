// A WebSocket server on ws for Node.js: ws.mjs echo|text PORT [CERT KEY]. echo
// answers as it was asked; text takes nothing but text and closes with 1003.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../bench/peers/nodews/package.json', import.meta.url));
const { WebSocketServer } = require('ws');
const [kind, port, cert, key] = process.argv.slice(2);
const server = cert ? createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }) : createServer();
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('message', (data, binary) => {
    if (kind === 'text' && binary) socket.close(1003, 'text only');
    else socket.send(data, { binary });
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log('ready'));
