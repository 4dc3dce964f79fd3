// The way out of a cell for Node.js, whose own clients know nothing of proxies: every agent of `http` and `https`, and `fetch`.
//
// All connections but those to the hub's API go through a tunnel of the proxy that the environment names. Nothing is loaded before it is used.
'use strict';

const Module = require('module');

let api = '';
const LARGEST_HEAD = 16384;

// A socket through the proxy to host and port; `done` gets an error, or the socket.
function tunnel(proxy, host, port, done) {
  const net = require('net');
  const place = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
  const socket = net.connect({ host: proxy.hostname, port: Number(proxy.port) });
  let head = Buffer.alloc(0);
  const stop = () => socket.removeListener('readable', read).removeListener('error', failed).removeListener('end', ended);
  const failed = (error) => {
    stop();
    socket.destroy();
    done(error);
  };
  const ended = () => failed(new Error(`The way out was closed before ${place} was reached.`));
  function read() {
    for (let part = socket.read(); part !== null; part = socket.read()) {
      head = Buffer.concat([head, part]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0 && head.length < LARGEST_HEAD) continue;
      const status = head.toString('latin1', 9, 12);
      if (status === '200') {
        stop();
        if (head.length > end + 4) socket.unshift(head.subarray(end + 4));
        return done(null, socket);
      }
      return refused(socket, head, end, place, status, failed, stop, done);
    }
    return undefined;
  }
  socket.on('readable', read).on('error', failed).on('end', ended);
  socket.write(`CONNECT ${place} HTTP/1.1\r\nhost: ${place}\r\n\r\n`);
}

// The proxy says why; its sentence becomes the error's.
function refused(socket, head, end, place, status, failed, stop, done) {
  stop();
  let text = head.subarray(end + 4).toString('utf8');
  const tell = () => {
    const error = new Error(text.trim() || `The way out answered ${status} for ${place}.`);
    error.code = status === '403' ? 'EACCES' : 'ECONNREFUSED';
    done(error);
  };
  socket.on('error', () => {}).on('data', (part) => (text += part)).on('close', tell);
  socket.resume();
}

function hostOf(options) {
  return String(options.host || options.hostname || 'localhost');
}

function patch(http, proxy, secure) {
  const direct = http.Agent.prototype.createConnection;
  http.Agent.prototype.createConnection = function createConnection(options, done) {
    const host = hostOf(options);
    if (options.socketPath || `${host}:${options.port}` === api) return direct.call(this, options, done);
    tunnel(proxy, host, options.port || (secure ? 443 : 80), (error, socket) => {
      if (error || !secure) return done(error, socket);
      const tls = require('tls');
      const named = options.servername || (require('net').isIP(host) ? '' : host);
      return done(null, tls.connect({ ...options, host, servername: named, path: undefined, socket }));
    });
    return undefined;
  };
}

// The built-in fetch makes its dispatcher when it is first used; ours takes its place then, and connects through the tunnel.
function patchFetch(proxy) {
  const slot = Symbol.for('undici.globalDispatcher.1');
  const original = globalThis.fetch;
  let ready = false;
  function prepare() {
    if (ready) return;
    ready = true;
    original('data:,').catch(() => {});
    const Agent = globalThis[slot].constructor;
    globalThis[slot] = new Agent({ connect: (options, done) => connect(proxy, options, done) });
  }
  globalThis.fetch = function fetch(...words) {
    prepare();
    return original(...words);
  };
  if (typeof globalThis.WebSocket === 'function') {
    const Socket = globalThis.WebSocket;
    globalThis.WebSocket = new Proxy(Socket, {
      construct(target, words, made) {
        prepare();
        return Reflect.construct(target, words, made);
      },
    });
  }
}

function connect(proxy, options, done) {
  const secure = options.protocol === 'https:';
  const host = String(options.hostname || options.host);
  const port = Number(options.port) || (secure ? 443 : 80);
  const through = (error, socket) => {
    if (error) return done(error, null);
    if (!secure) return done(null, socket);
    const tls = require('tls');
    const named = options.servername || (require('net').isIP(host) ? '' : host);
    const safe = tls.connect({ socket, servername: named, ALPNProtocols: ['http/1.1'] });
    safe.once('secureConnect', () => done(null, safe)).once('error', (failure) => done(failure, null));
    return undefined;
  };
  if (`${host}:${port}` !== api) return tunnel(proxy, host, port, through);
  const socket = require('net').connect({ host: host.replace(/^\[|\]$/g, ''), port });
  return socket.once('connect', () => through(null, socket)).once('error', (failure) => done(failure, null));
}

// Clients that read proxies from the environment would go through them a second time, and not all of them get it right.
function forget() {
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy']) {
    delete process.env[name];
    delete process.env[name.toUpperCase()];
  }
}

exports.open = function open() {
  const address = process.env.https_proxy;
  if (!address) return;
  const proxy = new URL(address);
  api = new URL(process.env.__OW_API_HOST).host;
  const load = Module._load;
  const patched = new Set();
  Module._load = function load_(name, ...more) {
    const loaded = load.call(this, name, ...more);
    const plain = typeof name === 'string' ? name.replace(/^node:/, '') : '';
    if ((plain === 'http' || plain === 'https') && !patched.has(plain)) {
      patched.add(plain);
      patch(loaded, proxy, plain === 'https');
    }
    return loaded;
  };
  exports.forModules = () => {
    require('http');
    require('https');
  };
  if (typeof globalThis.fetch === 'function') patchFetch(proxy);
  forget();
};

// An imported module gets the built-in ones without `require`; they are made ready before.
exports.forModules = () => {};
