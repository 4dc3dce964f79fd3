// Runs one Node.js action: code comes over a socket, results go back over it, and what the action prints is its log.
//
// Started by path with the number of the socket; no modules but Node's own. A frame is a length and an id (4 bytes each, big endian),
// one byte that says what it is, and JSON. To us: 0 init, 1 run, 2 a part of an archive, as it is, before its init. From us: 0 fine,
// 1 the action is at fault. Runs may overlap.
'use strict';

const child = require('child_process');
const fs = require('fs');
const net = require('net');
const path = require('path');
const vm = require('vm');
const { createRequire } = require('module');
const { pathToFileURL } = require('url');

const wayOut = require('./wayout.cjs');

wayOut.open();

const HEAD = 9;
const INIT = 0;
const ARCHIVE = 2;
const FINE = 0;
const FAULT = 1;

const door = new net.Socket({ fd: Number(process.argv[2]), readable: true, writable: true });
process.argv = [process.argv[0], 'action'];
const home = process.env.HOME;
const packed = path.join(home, '.archive');
let action = null;
const known = {};

function send(number, what, value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    console.error(shown(error));
  }
  if (text === undefined) {
    what = FAULT;
    text = '{"error":"The action did not return a dictionary."}';
  }
  const body = Buffer.from(text);
  const frame = Buffer.allocUnsafe(HEAD + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(number, 4);
  frame.writeUInt8(what, 8);
  body.copy(frame, HEAD);
  flushed(() => door.write(frame));
}

// What the action printed is in the pipes before its result is told, so that it belongs to this run.
function flushed(then) {
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) then();
  else process.stdout.write('', () => process.stderr.write('', then));
}

function member(module, name) {
  return name.split('.').reduce((value, key) => (value === undefined || value === null ? undefined : value[key]), module);
}

function exists(...parts) {
  return fs.existsSync(path.join(...parts));
}

// `module.func` names a file of the archive, unless there is none of that name.
function entry(folder, name) {
  const dot = name.indexOf('.');
  const module = name.slice(0, Math.max(dot, 0));
  if (module && ['', '.js', '.cjs', '.mjs'].some((ending) => exists(folder, module + ending))) {
    return { file: path.join(folder, module), name: name.slice(dot + 1) };
  }
  if (exists(folder, 'package.json')) {
    return { file: path.join(folder, JSON.parse(fs.readFileSync('package.json', 'utf8')).main || 'index.js'), name };
  }
  if (exists(folder, 'index.js')) return { file: path.join(folder, 'index.js'), name };
  throw 'Zipped actions must contain either package.json or index.js at the root.';
}

async function fromFolder(folder, main) {
  process.chdir(folder);
  const { file, name } = entry(folder, main);
  const load = createRequire(path.join(folder, 'package.json'));
  let module;
  try {
    module = load(file);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM' && error.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    wayOut.forModules();
    module = await import(pathToFileURL(load.resolve(file)).href);
  }
  return member(module, name) || (module.default && member(module.default, name));
}

// An action that imports something need not know how we let it.
const warn = process.emitWarning;
process.emitWarning = (warning, ...more) => {
  if (!String(warning).includes('USE_MAIN_CONTEXT_DEFAULT_LOADER')) warn.call(process, warning, ...more);
};

function fromSource(code, name) {
  const module = { exports: {} };
  const load = createRequire(path.join(process.cwd(), 'action.js'));
  const safe = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/.test(name);
  const tail = safe ? `\n;try { return ${name}; } catch (_) { return undefined; }` : '\n;return undefined;';
  const names = ['exports', 'require', 'module', '__filename', '__dirname'];
  const options = { filename: 'action.js', importModuleDynamically: vm.constants && vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
  vm.compileFunction(code, names, options); // so that a syntax error is told of the code as it was given
  const run = vm.compileFunction(code + tail, names, options);
  const found = run.call(module.exports, module.exports, load, module, 'action.js', process.cwd());
  return typeof found === 'function' ? found : member(module.exports, name);
}

// The folder of what was in the archive. Unpacking is Python's, which has the formats in its library.
function unpacked(archive) {
  const folder = path.join(home, 'action');
  const words = ['-I', '-S', path.join(__dirname, 'unpack.py'), packed, folder, String(archive.largest)];
  const done = child.spawnSync(archive.python, words, { encoding: 'utf8' });
  if (done.status !== 0) throw done.error ? String(done.error) : done.stderr.trim();
  fs.unlinkSync(packed);
  return folder;
}

// What was installed for this action lies beside its code, where every way to load modules looks first.
function furnish(folder, layer) {
  const own = path.join(folder, 'node_modules');
  if (!fs.existsSync(own)) fs.symlinkSync(path.join(path.resolve(home, layer), 'node_modules'), own);
}

async function init(value) {
  if (action) throw { again: true };
  if (!value.code && !value.archive) throw { plain: 'Missing main/no code to execute.' };
  const folder = value.archive ? unpacked(value.archive) : null;
  if (folder && value.layers && value.layers.length) furnish(folder, value.layers[0]);
  Object.assign(process.env, value.env || {});
  const name = value.main || 'main';
  const found = folder ? await fromFolder(folder, name) : fromSource(value.code, name);
  if (typeof found !== 'function') throw `Action entrypoint '${name}' is not a function.`;
  return found;
}

// The error in words, then the stack as far as it is the action's own.
function shown(reason) {
  if (!(reason instanceof Error)) return String(reason);
  const calls = String(reason.stack || '').split('\n').filter((line) => line.startsWith('    at '));
  return [String(reason), ...calls.filter((line) => !line.includes(__dirname) && !line.includes('node:'))].join('\n');
}

async function onInit(number, value) {
  try {
    action = await init(value);
    send(number, FINE, { OK: true, concurrent: true });
  } catch (error) {
    if (error && error.again) {
      console.error('Cannot initialize the action more than once.');
      send(number, FAULT, { error: 'Cannot initialize the action more than once.' });
    } else if (error && error.plain) {
      console.error(error.plain);
      send(number, FAULT, { error: error.plain });
    } else {
      console.error(`Error during initialization: ${shown(error)}`);
      send(number, FAULT, { error: `Initialization has failed due to: ${shown(error)}` });
    }
  }
}

function ended(number, result) {
  if (result === undefined) return send(number, FINE, {});
  if (result === null || typeof result !== 'object') {
    console.error(`Result must be of type object but has type "${typeof result}":`, result);
    return send(number, FAULT, { error: 'The action did not return a dictionary.' });
  }
  if (result.error !== undefined && result.error !== null) return send(number, FINE, { error: reason(result.error) });
  return send(number, FINE, result);
}

// Errors lose everything in JSON; their text is what a person can use.
function reason(error) {
  if (error === undefined) return {};
  if (!(error instanceof Error)) return error;
  return { name: error.name, message: error.message, ...error };
}

function onRun(number, value) {
  for (const key in value.context) {
    if (known[key] === value.context[key]) continue;
    known[key] = value.context[key];
    process.env[`__OW_${key.toUpperCase()}`] = known[key];
  }
  let result;
  try {
    result = action(value.value);
  } catch (error) {
    console.error(error instanceof Error ? shown(error) : error);
    return send(number, FAULT, { error: `An error has occurred: ${error}` });
  }
  if (result === null || typeof result !== 'object' || typeof result.then !== 'function') return ended(number, result);
  return result.then(
    (value_) => ended(number, value_),
    (error) => send(number, FINE, { error: error ? reason(error) : {} }),
  );
}

// Parts are put together once there is a whole frame of them.
let parts = [];
let held = 0;
let wanted = HEAD;
door.on('data', (part) => {
  parts.push(part);
  held += part.length;
  while (held >= wanted) {
    const all = parts.length === 1 ? parts[0] : Buffer.concat(parts);
    parts = [all];
    const end = HEAD + all.readUInt32BE(0);
    if (held < end) {
      wanted = end;
      return;
    }
    const number = all.readUInt32BE(4);
    const what = all.readUInt8(8);
    const value = what === ARCHIVE ? fs.appendFileSync(packed, all.subarray(HEAD, end)) : JSON.parse(all.toString('utf8', HEAD, end));
    held -= end;
    wanted = HEAD;
    parts = held ? [all.subarray(end)] : [];
    if (what === INIT) onInit(number, value);
    else if (what !== ARCHIVE) onRun(number, value);
  }
});
// In a cell it is the first process, which a signal to the group does not reach.
function end() {
  try {
    process.kill(-process.pid, 'SIGKILL');
  } finally {
    process.reallyExit(0);
  }
}
door.on('close', end);
door.on('error', end);
