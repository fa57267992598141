import { availableParallelism, networkInterfaces } from 'node:os';
import { parseConfig } from './config.ts';
import { CredentialsError } from './credentials.ts';
import { createLog } from './log.ts';
import type { Shutdown } from './shutdown.ts';
import { startServer } from './start/server.ts';
import { StartError } from './start-error.ts';

/** 0 is an orderly end, 1 a bug or a loss, 2 something that the operator can put right. */
const EXIT = { failed: 1, misconfigured: 2 } as const;

/** The process: its environment, its signals and how it ends. */
async function main(): Promise<void> {
  const parsed = parseConfig(process.env, { cores: availableParallelism(), interfaces: networkInterfaces() });
  if (!parsed.ok) {
    process.stderr.write(`${parsed.message}\n`);
    process.exit(EXIT.misconfigured);
  }
  const { config } = parsed;
  const log = createLog({ level: config.logLevel, pretty: process.stderr.isTTY });
  const die = (error: unknown): never => {
    if (error instanceof StartError || error instanceof CredentialsError) {
      process.stderr.write(`partyline cannot start: ${error.message}\n`);
      process.exit(EXIT.misconfigured);
    }
    log.fatal({ err: error }, 'ending after an error that nothing handled');
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  let shutdown: Shutdown | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // Before the start is complete there is nobody to hang up on.
      if (shutdown) shutdown.request(signal);
      else process.exit(0);
    });
  shutdown = await startServer(config, log, (code) => process.exit(code)).catch(die);
}

await main();
