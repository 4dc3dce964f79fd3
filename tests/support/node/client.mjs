// The official `openwhisk` client against a running hub: creates, invokes, fires, lists. Prints what it got as JSON.
import openwhisk from 'openwhisk';

const [, , apihost, api_key] = process.argv;
const ow = openwhisk({ apihost, api_key, ignore_certs: true });
const said = {};

said.created = await ow.actions.create({ name: 'client-hello', action: 'function main(a) { console.log("hi"); return { hello: a.name }; }', kind: 'nodejs:default' });
said.updated = await ow.actions.update({ name: 'client-hello', action: 'function main(a) { console.log("hi"); return { hello: a.name }; }', params: { name: 'bound' } });
said.result = await ow.actions.invoke({ name: 'client-hello', blocking: true, result: true, params: { name: 'Ada' } });
said.blocking = await ow.actions.invoke({ name: 'client-hello', blocking: true });
said.later = await ow.actions.invoke({ name: 'client-hello' });
said.packaged = await ow.actions.invoke({ name: '/whisk.system/utils/echo', blocking: true, result: true, params: { a: 1 } });
said.packages = await ow.packages.list({ namespace: 'whisk.system' });
await ow.packages.update({ name: 'client-tools', package: { publish: false } });
await ow.triggers.create({ name: 'client-tick' });
said.nothing = await ow.triggers.invoke({ name: 'client-tick' });
said.rule = await ow.rules.create({ name: 'client-rule', action: '/_/client-hello', trigger: '/_/client-tick' });
said.fired = await ow.triggers.invoke({ name: 'client-tick', params: { name: 'fired' } });
await ow.rules.disable({ name: 'client-rule' });
said.disabled = await ow.rules.get({ name: 'client-rule' });
said.feed = await ow.feeds.create({ name: '/whisk.system/alarms/interval', trigger: 'client-tick', params: { minutes: 5 } });
said.read = await ow.feeds.get({ name: '/whisk.system/alarms/interval', trigger: 'client-tick' });
said.unfed = await ow.feeds.delete({ name: '/whisk.system/alarms/interval', trigger: 'client-tick' });
said.actions = await ow.actions.list();
said.rules = await ow.rules.list();
said.triggers = await ow.triggers.list();
said.namespaces = await ow.namespaces.list();
said.logs = await ow.activations.logs({ name: said.blocking.activationId });
try {
  await ow.actions.get({ name: 'client-missing' });
} catch (error) {
  said.missing = { statusCode: error.statusCode, message: error.message };
}
try {
  await ow.actions.create({ name: 'client-hello', action: 'x' });
} catch (error) {
  said.twice = { statusCode: error.statusCode, message: error.message };
}
await ow.rules.delete({ name: 'client-rule' });
await ow.triggers.delete({ name: 'client-tick' });
await ow.actions.delete({ name: 'client-hello' });
await ow.packages.delete({ name: 'client-tools' });
console.log(JSON.stringify(said));
