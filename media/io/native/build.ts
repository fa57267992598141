/**
 * Builds the batch UDP addon beside this file's compiled form, when a C compiler is there. Never fails the build: without
 * the addon, mixers use node:dgram. Run by `npm run build`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = resolve('media/io/native/batch-udp.c');
const target = join(dirname(fileURLToPath(import.meta.url)), 'batch-udp.node');

function headers(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
  } catch {
    return undefined;
  }
}

function upToDate(): boolean {
  return existsSync(target) && statSync(target).mtimeMs >= statSync(source).mtimeMs;
}

const include = headers();
if (process.platform === 'linux' && include !== undefined && existsSync(source) && !upToDate()) {
  const scratch = `${target}.new`;
  mkdirSync(dirname(target), { recursive: true });
  for (const compiler of ['cc', 'gcc', 'clang']) {
    const built = spawnSync(compiler, ['-O2', '-shared', '-fPIC', '-I', include, source, '-o', scratch]);
    if (built.status !== 0) continue;
    renameSync(scratch, target);
    break;
  }
}
