function main(args) {
  switch (args.do) {
    case 'hello': return { greeting: 'Hello ' + args.name };
    case 'error': return { error: 'no', more: 1 };
    case 'fail': return Promise.reject(new Error('boom'));
    case 'array': return [1, 2];
    case 'text': return 'text';
    case 'exit': process.exit(3);
    case 'sleep': return new Promise(() => setTimeout(() => {}, 30000));
    case 'logs': console.log('one\ntwo'); console.error('three'); console.log('four'); return {};
    case 'env': return Object.fromEntries(args.names.map((name) => [name, process.env[name]]));
    case 'say': console.log(args.text);
  }
  return args;
}
