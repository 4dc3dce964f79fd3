// Loaded before pouchdb-server: an error in one request is not the end of the server.
process.on('uncaughtException', (error) => console.error('uncaught', error));
process.on('unhandledRejection', (error) => console.error('unhandled', error));
