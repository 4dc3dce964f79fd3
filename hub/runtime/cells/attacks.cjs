// The attacks of `promises` from Node.js: those that JavaScript can carry out by itself, and the others by a Python that it starts.
// As `attacks.py`, it is the code of an action; each attack throws, or answers null, when it was held.
'use strict';

const child = require('child_process');
const dgram = require('dgram');
const fs = require('fs');
const net = require('net');
const os = require('os');
const path = require('path');

const ATTEMPT_MS = 200;
const MOST_FORKS = 300;
const MB = 1 << 20;
const LOCAL = ['ENETUNREACH', 'EACCES', 'EPERM', 'EAFNOSUPPORT', 'EHOSTUNREACH'];

const read = (file) => `read ${fs.readFileSync(file).length} bytes`;

function written(folder) {
  const file = path.join(folder, 'written-by-a-cell');
  fs.writeFileSync(file, '');
  fs.unlinkSync(file);
  return 'wrote a file';
}

function filled(files, bytes) {
  let count = 0;
  for (const file of files) {
    try {
      const number = fs.openSync(file, 'w');
      try {
        for (let part = 0; part < 8; part++) count += fs.writeSync(number, Buffer.alloc(MB));
      } finally {
        fs.closeSync(number);
      }
    } catch {
      break;
    }
  }
  for (const file of files) fs.rmSync(file, { force: true });
  return count >= bytes ? `wrote ${count} bytes` : null;
}

function connected(where) {
  return new Promise((resolve, reject) => {
    const way = net.connect(where);
    const late = setTimeout(() => (way.destroy(), reject(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }))), ATTEMPT_MS);
    way.on('connect', () => (clearTimeout(late), way.destroy(), resolve('connected')));
    way.on('error', (error) => (clearTimeout(late), reject(error)));
  });
}

const attacks = {
  secret_file: (bait) => read(bait.secret),
  open_file: (bait) => read(bait.readable),
  open_folder: (bait) => written(bait.folder),
  interpreter: (bait) => silently(() => written(path.dirname(process.execPath))) || written(bait.launchers),
  disk: (bait) => (bait.disks.some((disk) => silently(() => (fs.closeSync(fs.openSync(disk, 'r')), true))) ? 'opened a disk' : null),
  full_disk: () => filled([...Array(9).keys()].map((number) => `big-${number}`), 72 * MB),
  full_memory: () => filled([...Array(3).keys()].map((number) => `/dev/shm/written-by-a-cell-${number}`), 24 * MB),
  shared_memory: (bait) => read(bait.shared),
  processes: (bait) => (fs.readFileSync(`/proc/${bait.hub}/comm`, 'utf8').trim() === bait.name ? "knows the hub's name" : null),
  signal: (bait) => process.kill(bait.hub, 0) && 'may send signals',
  environment: (bait) => read(`/proc/${bait.hub}/environ`),
  priority: () => (os.setPriority(-5), 'runs before others'),
  loopback: (bait) => connected({ host: '127.0.0.1', port: bait.port }),
  unix_socket: (bait) => connected({ path: bait.unix }),
  connections: (bait) => (fs.readFileSync('/proc/self/net/tcp', 'utf8').includes(`:${bait.port.toString(16).toUpperCase().padStart(4, '0')} `) ? 'sees connections of others' : null),
  async metadata() {
    try {
      return await connected({ host: '169.254.169.254', port: 80 });
    } catch (error) {
      return LOCAL.includes(error.code) ? null : `a packet left: ${error.code}`;
    }
  },
  datagram: (bait) =>
    new Promise((resolve, reject) => {
      const way = dgram.createSocket('udp4');
      way.on('error', reject);
      way.send(bait.canary, bait.datagrams, '127.0.0.1', (error) => (way.close(), error ? reject(error) : resolve(null)));
    }),
  forks() {
    const children = [];
    for (let number = 0; number < MOST_FORKS; number++) {
      const one = child.spawn('sleep', ['5'], { stdio: 'ignore' });
      one.on('error', () => null);
      if (one.pid === undefined) break;
      children.push(one);
    }
    for (const one of children) one.kill('SIGKILL');
    return children.length >= MOST_FORKS ? `forked ${children.length} times` : null;
  },
  // The probe sees whether it is still there: it holds what the cell prints to.
  daemon(bait) {
    const words = `sleep ${ATTEMPT_MS / 2000}; kill -9 ${bait.keeper}; sleep 5`;
    child.spawn('sh', ['-c', words], { detached: true, stdio: 'inherit' }).unref();
    return null;
  },
  inherited() {
    const found = [];
    for (const name of fs.readdirSync('/proc/self/fd')) {
      let target = '';
      try {
        target = fs.readlinkSync(`/proc/self/fd/${name}`);
      } catch {
        continue;
      }
      if (target.startsWith('/') && target !== '/dev/null' && !target.startsWith('/proc/')) found.push(target);
    }
    return found.length ? `has ${found}` : null;
  },
  secrets: (bait) => ([JSON.stringify(process.env), ...['self', '1'].map((one) => silently(() => fs.readFileSync(`/proc/${one}/environ`, 'utf8')))].join(' ').includes(bait.canary) ? "knows the hub's secret" : null),
};

function silently(attempt) {
  try {
    return attempt();
  } catch {
    return '';
  }
}

// What only the kernel's own calls can do: the same attacks as a Python started by this process.
function byPython(args, names) {
  const program = `import json, sys; call = json.load(sys.stdin); space = {"__name__": "attacks"}; exec(call["source"], space); sys.stdout.write(json.dumps(space["main"](call)))`;
  const input = JSON.stringify({ ...args, attacks: names });
  const done = child.spawnSync(args.python, ['-I', '-S', '-c', program], { input, maxBuffer: MB });
  if (done.status !== 0) throw new Error(`the attacks did not run: ${done.error || done.stderr}`);
  return JSON.parse(done.stdout.toString());
}

async function main(args) {
  const others = args.attacks.filter((name) => !(name in attacks));
  const found = others.length ? byPython(args, others) : {};
  for (const name of args.attacks.filter((one) => one in attacks)) {
    try {
      found[name] = (await attacks[name](args.bait)) || null;
    } catch {
      found[name] = null;
    }
  }
  return found;
}
