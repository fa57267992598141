/*
 * Loaded into a server's process before the server itself (`node --import`): at SIGUSR2 the thread that was started last
 * dies, as it would of a lack of memory. The server knows nothing of it.
 */
const threads = [];
process.on('worker', (worker) => threads.push(worker));
process.on('SIGUSR2', () => void threads.at(-1)?.terminate());
