// The official `openwhisk` client makes, lists and deletes routes. Prints what it got as JSON.
import openwhisk from 'openwhisk';

const [, , apihost, api_key] = process.argv;
const ow = openwhisk({ apihost, api_key, ignore_certs: true });
const said = {};

await ow.actions.create({ name: 'routed', action: 'function main(a) { return { body: a.__ow_path }; }', kind: 'nodejs:default', annotations: { 'web-export': true } });
said.created = await ow.routes.create({ basepath: '/sdk', name: 'Sdk', relpath: '/books/{id}', operation: 'GET', action: 'routed', responsetype: 'http' });
said.second = await ow.routes.create({ basepath: '/sdk', relpath: '/books', operation: 'POST', action: '/guest/routed' });
said.document = await ow.routes.create({ swagger: JSON.stringify({ ...said.created.apidoc, basePath: '/doc' }) });
said.listed = await ow.routes.list();
said.found = await ow.routes.get({ name: 'Sdk' });
said.deleted = await ow.routes.delete({ basepath: '/sdk', relpath: '/books', operation: 'POST' });
await ow.routes.delete({ basepath: '/doc' });
said.left = await ow.routes.list({ limit: 5, skip: 0 });
try {
  await ow.routes.delete({ basepath: '/nothing' });
} catch (error) {
  said.missing = { statusCode: error.statusCode, message: error.message };
}
console.log(JSON.stringify(said));
