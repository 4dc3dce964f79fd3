#!/usr/bin/env node
// The command line of the plugin, as its own `bin/run` starts it (which the package leaves out).
const { dirname } = require('node:path');
const { flush, run } = require('@oclif/core');
const handle = require('@oclif/core/handle');

const root = dirname(require.resolve('@adobe/aio-cli-plugin-runtime/package.json'));
run(process.argv.slice(2), { root }).then(() => flush()).catch(handle);
