/*
 * Loaded into a server's process before the server itself (`node --import`): at SIGUSR2 the oldest of its threads dies, as
 * it would of a lack of memory. The server knows nothing of it.
 */
const threads = [];
process.on('worker', (worker) => {
  threads.push(worker);
  worker.once('exit', () => threads.splice(threads.indexOf(worker), 1));
});
process.on('SIGUSR2', () => void threads[0]?.terminate());
